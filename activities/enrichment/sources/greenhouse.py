"""Greenhouse's public job boards: `GET /v1/boards/{token}/jobs`, without a key."""

from datetime import UTC

from pydantic import AwareDatetime, BaseModel

from activities.enrichment.provider import Answer, Budget, Company, Rank, Source
from activities.enrichment.sources.boards import Job, board_of, hiring


class _Job(BaseModel):
    title: str
    absolute_url: str = ""
    updated_at: AwareDatetime
    first_published: AwareDatetime | None = None


class _Board(BaseModel):
    jobs: list[_Job]


class Greenhouse(Source[Company]):
    """Finds `open_roles` and `hiring`, and says when a company hires."""

    name = "greenhouse"
    rank = Rank.SITE
    url = "https://boards-api.greenhouse.io"
    by_name = True
    follows = True
    budget = Budget(per_minute=120, burst=20)

    async def ask(self, who: Company) -> Answer | None:
        """Look at the board the company's site links to, else at the one of its name."""
        board = board_of(who, "greenhouse_board")
        if board is None:
            return None
        token, confidence = board
        found = await self.web.get(f"{self.address}/v1/boards/{token}/jobs", _Board)
        if found is None:
            return None
        jobs = [Job(job.title, (job.first_published or job.updated_at).astimezone(UTC)) for job in found.jobs]
        return hiring(jobs, f"https://boards.greenhouse.io/{token}", confidence)
