"""What mail services tell us, in the shape of our own."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class MailEvent(BaseModel):
    """One thing that became of a mail. Other fields that a service sends along are ignored.

    Attributes:
        message_id: the mail's Message-ID, which names one of ours; with or without its brackets.
        address: to whom it went, where the Message-ID is not known: a bounce or complaint then stands for the address alone.
        code: the status, as `5.1.1`.
    """

    model_config = ConfigDict(extra="ignore")

    kind: Literal["delivered", "bounce", "soft_bounce", "complaint"]
    message_id: Annotated[str, StringConstraints(max_length=1000)] | None = None
    address: Annotated[str, StringConstraints(max_length=320)] | None = None
    code: Annotated[str, StringConstraints(pattern=r"^[\w.\-]{1,40}$")] | None = None


class MailEvents(BaseModel):
    """A call's events."""

    model_config = ConfigDict(extra="ignore")

    events: Annotated[list[MailEvent], Field(max_length=1000)]


class _LobKind(BaseModel):
    id: Annotated[str, StringConstraints(max_length=100)]


class _LobPiece(BaseModel):
    metadata: dict[str, Any] | None = None


class LobEvent(BaseModel):
    """One thing that became of a letter or a postcard; of what Lob says of it, only this is read.

    Attributes:
        event_type: as `postcard.returned_to_sender`.
        body: the piece as it then was, with what we sent along.
    """

    model_config = ConfigDict(extra="ignore")

    event_type: _LobKind
    body: _LobPiece = _LobPiece()

    @property
    def what(self) -> str:
        """What became of it; empty for what is no letter of ours, such as a return envelope."""
        kind, _, what = self.event_type.id.partition(".")
        return what if kind in ("letter", "postcard") else ""

    @property
    def message(self) -> UUID | None:
        """Which of our messages it is, if it is one."""
        try:
            return UUID(str((self.body.metadata or {}).get("message")))
        except ValueError:
            return None


class Taken(BaseModel):
    """What became of them: `unknown` ones name no mail of ours, and changed nothing."""

    taken: int
    unknown: int
