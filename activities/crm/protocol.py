"""What a CRM has to be able to do. Adding one is an adapter, and a line in `configured.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from models.crm import CrmName, CrmPage, CrmPerson, Stream, ToWrite, Written


class Trouble(StrEnum):
    """What can be the matter with a CRM."""

    AWAY = "away"
    """It does not answer, or says it cannot."""
    LIMITED = "limited"
    """It wants to be asked less."""
    UNAUTHORIZED = "unauthorized"
    """It does not let us in, or not to this."""
    MALFORMED = "malformed"
    """Its answer makes no sense to us."""
    SCHEMA = "schema"
    """It lacks a field we need."""
    REFUSED = "refused"
    """It says no to what was sent, and will again."""


FOR_PEOPLE = frozenset({Trouble.UNAUTHORIZED, Trouble.SCHEMA})
"""What does not pass by itself."""


class CrmError(Exception):
    """A CRM did not do what it was asked. Holds nothing of what was sent or answered: that is about people.

    Args:
        trouble: what is the matter.
        after: when to try again, where it says.
    """

    def __init__(self, trouble: Trouble, after: timedelta | None = None) -> None:
        super().__init__(trouble.value)
        self.trouble, self.after = trouble, after


class Crm(Protocol):
    """A CRM. Every method raises `CrmError`, and every one may be called again with the same: it changes nothing more."""

    name: CrmName
    batch: int
    """Records that are read or written at once."""
    lag: timedelta
    """What its search may not show yet; so much is read again with every sync."""

    unowned: str | None
    """What is written as the owner of what nobody has; None when the CRM knows no such thing, so that the owner stays."""

    async def changed_since(self, stream: Stream, since: datetime, after: str) -> CrmPage:
        """What changed from a moment on.

        Args:
            stream: people or deals.
            since: where the page before ended.
            after: the same, within that.
        """

    async def look(self, external_ids: Sequence[str]) -> list[CrmPerson]:
        """People's records as they are now, whatever its search shows yet, `batch` at most; without those that are not there."""

    async def find(self, emails: Sequence[str]) -> Mapping[str, str]:
        """The ids of those records that have these addresses, by the address in small letters."""

    async def owners(self) -> Mapping[str, str]:
        """The CRM's ids of who may own records, by their address in small letters."""

    async def write(self, leads: Sequence[ToWrite]) -> list[Written]:
        """Write leads, `batch` at most: those without an id by the address or our own id, so that none is made twice."""

    async def forget(self, external_ids: Sequence[str]) -> None:
        """Delete records for good, as far as the CRM can; one that is not there is no error."""
