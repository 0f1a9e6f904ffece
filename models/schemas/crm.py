"""How syncing with CRMs goes, as HTTP gives it out."""

from datetime import datetime
from uuid import UUID

from models.schemas.common import View


class CrmRefusalView(View):
    """Something that was not carried over.

    Attributes:
        way: `in` or `out`.
        what: `person`, `owner`, `deal` or `lead`.
        reason: why, as a word; docs/crm.md explains each.
        external_id: of the CRM's record.
    """

    at: datetime
    way: str
    what: str
    reason: str
    external_id: str | None
    lead_id: UUID | None


class CrmView(View):
    """A CRM.

    Attributes:
        synced_at: when everything was last carried over without a problem; null before the first time.
        problem: what is the matter with it now: `away`, `limited`, `unauthorized`, `malformed`, `schema` or `refused`.
        pulled, pushed: records read and written so far.
        linked: leads that have a record there.
        waiting: records that were read and have not landed yet.
        refused: what was not carried over in the last 30 days, by reason.
        latest: the last of these.
    """

    crm: str
    configured: bool
    synced_at: datetime | None
    problem: str | None
    problem_at: datetime | None
    pulled: int
    pushed: int
    linked: int
    waiting: int
    refused: dict[str, int]
    latest: list[CrmRefusalView]
