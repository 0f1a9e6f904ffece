"""What travels between Twoway and a CRM, and what a sync tells Temporal of it: ids, counts and enums only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CrmName(StrEnum):
    """The CRMs there are adapters for."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"


class Stream(StrEnum):
    """What is synced, each with a cursor of its own: people and deals come in, leads go out."""

    PEOPLE = "people"
    DEALS = "deals"
    LEADS = "leads"


SAID = ("first_name", "last_name", "company", "title", "phone", "country")
"""What a CRM's record says about a person, beside the address. The CRM fills our blanks with it; we give it to records we make."""
OWN = ("lead_id", "stage", "tier", "score", "contacted_at", "mql_at", "sal_at", "sql_at", "outcome", "amount_usd")
"""What Twoway writes into a CRM, each into a field of its own there. Whose the lead is goes into the CRM's own field for that."""
NUMBERS = frozenset({"score", "amount_usd"})
MOMENTS = frozenset({"contacted_at", "mql_at", "sal_at", "sql_at"})


class CrmPerson(BaseModel):
    """A person as a CRM has them now.

    Attributes:
        external_id: of the record there.
        version: what it says of its latest change; another one means that something changed.
        email: empty when it has none.
        said: see `SAID`; only what is not empty.
        owner_id: the CRM's id of whose the record is; empty for nobody's.
        owner_email: their address.
        owner_at: when that was last changed; the CRM's clock.
        owner_by: the address of who changed it, where the CRM says.
        by_person: a person in the CRM changed it, no program.
        own: what stands in our own fields, spelt as we do; see `OWN`.
        own_by_person: a person in the CRM had their hands on our fields.
        created_at: when the record was made.
        form_at: when the person last filled a form of the CRM's in.
    """

    model_config = ConfigDict(frozen=True)

    external_id: str
    version: str
    email: str = ""
    said: dict[str, str] = {}
    owner_id: str = ""
    owner_email: str = ""
    owner_at: datetime
    owner_by: str = ""
    by_person: bool = False
    own: dict[str, str] = {}
    own_by_person: bool = False
    created_at: datetime
    form_at: datetime | None = None


class CrmDeal(BaseModel):
    """A deal that was concluded in a CRM.

    Attributes:
        external_id: of the deal.
        person: id of the person's record.
        won: or lost.
        amount: what it is worth, in the CRM's currency; None where it does not say.
        by: the address of who concluded it, where the CRM says.
    """

    model_config = ConfigDict(frozen=True)

    external_id: str
    person: str
    version: str
    won: bool
    amount: float | None = None
    by: str = ""

    @property
    def conclusion(self) -> str:
        """What was concluded, without anybody's name: the same text is not concluded twice."""
        return f"{self.external_id}:{'won' if self.won else 'lost'}:{self.amount}"


@dataclass(frozen=True, slots=True)
class CrmPage:
    """Some of what changed.

    Args:
        records: people or deals, the oldest change first.
        since: nothing before this is left to read.
        after: where within that to go on; empty for its beginning.
        more: there is more to read now.
    """

    records: list[CrmPerson] | list[CrmDeal]
    since: datetime
    after: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class ToWrite:
    """A lead on its way out.

    Args:
        lead: its id.
        external_id: of the CRM's record; None when one has to be made.
        email: the person's address.
        own: see `OWN`.
        said: see `SAID`; for a record that has to be made.
        owner: the CRM's id of the new owner, empty for nobody; None leaves it as it is.
    """

    lead: str
    external_id: str | None
    email: str
    own: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of it.

    Args:
        lead: its id.
        external_id: of the record; None when it could not be made.
        version: of the record now, where the CRM says.
        problem: why it could not be written; a word, never the CRM's text.
        gone: the record is not there any more.
        again: it may go better next time.
    """

    lead: str
    external_id: str | None
    version: str | None = None
    problem: str | None = None
    gone: bool = False
    again: bool = False


class CrmOrder(BaseModel):
    """One step of a sync.

    Attributes:
        crm: with whom.
        stream: what.
        first: the first step of this stream in this sync.
    """

    model_config = ConfigDict(frozen=True)

    crm: CrmName
    stream: Stream
    first: bool = True


class CrmMoved(BaseModel):
    """What a step, or a whole sync, moved.

    Attributes:
        count: records that were taken in, or written.
        more: there is more to do at once.
    """

    model_config = ConfigDict(frozen=True)

    count: int = 0
    more: bool = False


class CrmSynced(BaseModel):
    """What a sync did, in numbers."""

    model_config = ConfigDict(frozen=True)

    pulled: int = 0
    pushed: int = 0
    forgotten: int = 0
