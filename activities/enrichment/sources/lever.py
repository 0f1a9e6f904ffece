"""Lever's public postings: `GET /v0/postings/{site}?mode=json`, without a key."""

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from activities.enrichment.provider import Answer, Budget, Company, Rank, Source
from activities.enrichment.sources.boards import Job, board_of, hiring


class _Posting(BaseModel):
    text: str
    created: int = Field(alias="createdAt", ge=0, le=253_402_300_799_000)  # milliseconds


class Lever(Source[Company]):
    """Finds `open_roles` and `hiring`, and says when a company hires."""

    name = "lever"
    rank = Rank.SITE
    url = "https://api.lever.co"
    by_name = True
    follows = True
    budget = Budget(per_minute=120, burst=20)

    async def ask(self, who: Company) -> Answer | None:
        """Look at the board the company's site links to, else at the one of its name."""
        board = board_of(who, "lever_board")
        if board is None:
            return None
        token, confidence = board
        found = await self.web.get(f"{self.address}/v0/postings/{token}", list[_Posting], {"mode": "json"})
        if found is None:
            return None
        jobs = [Job(posting.text, datetime.fromtimestamp(posting.created / 1000, UTC)) for posting in found]
        return hiring(jobs, f"https://jobs.lever.co/{token}", confidence)
