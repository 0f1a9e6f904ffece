"""A lead as one user finds it: who they are, what to do next and what is allowed, and its story."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from api.auth import Principal
from api.board import words
from api.board.entries import Scene
from api.board.story import Line, lines
from api.services.allowed import STEERS, Action, Allowed
from api.services.lead_page import LeadPage
from models.lifecycle import AWAITING_CONTACT, Stage
from models.schemas.common import Person
from models.schemas.leads import LeadCard, LeadView
from models.worktime import known_zone

_BUTTONS: Final = 4
_ORDER: Final = (
    Action.CONTACT,
    Action.REVIEW,
    Action.CLAIM,
    Action.DISPOSITION,
    Action.RELEASE,
    Action.RESUME,
    Action.HOLD,
    Action.RESCORE,
    Action.OVERRIDE,
    Action.ERASE,
)
"""What a person wants first comes first. What goes against the tree, and what cannot be undone, never stands in front."""
_BEHIND: Final = frozenset({Action.OVERRIDE, Action.ERASE})
_LABELS: Final[Mapping[Action, str]] = {
    Action.CLAIM: "Claim",
    Action.CONTACT: "Log contact",
    Action.DISPOSITION: "Conclude",
    Action.RELEASE: "Hand back",
    Action.OVERRIDE: "Override",
    Action.REVIEW: "Review",
    Action.HOLD: "Hold",
    Action.RESUME: "Resume",
    Action.RESCORE: "Score again",
    Action.ERASE: "Erase",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An action that came to nothing.

    Args:
        action: which.
        message: why, in a sentence.
        status: of HTTP.
        fields: what is wrong with which field.
        missing: the criteria that are not met.
        typed: what was typed, to go on from.
        key: the form's own key, when it is not known whether the action was done, so that sending it again cannot do it twice.
    """

    action: Action
    message: str
    status: int
    fields: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    typed: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class CameBack:
    """What became of the lead in the hands of the rep before."""

    title: str
    said: str
    at: datetime
    quotes: tuple[str, ...]


@dataclass(frozen=True)
class Desk:
    """A lead as one user finds it, in the words of the page.

    Args:
        found: what was read.
        me: who looks.
        workflow: the address of its workflow in Temporal's own pages.
        said: an action that just came to nothing.
        done: what an action that just succeeded did.
        earlier: an older part of the story is shown, not the newest.
    """

    found: LeadPage
    me: Principal
    workflow: str
    said: Trouble | None = None
    done: str | None = None
    earlier: bool = False

    @cached_property
    def lead(self) -> LeadView:
        """The lead itself."""
        return self.found.lead

    @cached_property
    def at(self) -> datetime:
        """As of when all this is."""
        return self.found.at

    @cached_property
    def allowed(self) -> Allowed:
        """What this user may do."""
        return self.found.allowed

    @cached_property
    def mine(self) -> bool:
        """Whether this user has the lead."""
        return self.lead.owner is not None and self.lead.owner.id == self.me.id

    @property
    def steers(self) -> bool:
        """Whether this user may set any owner and stage."""
        return self.me.has(*STEERS)

    @property
    def reps(self) -> Sequence[Person]:
        """Who the lead could be given to."""
        return self.found.reps

    # --- who they are -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What to call the lead."""
        return self.called(self.lead)

    @staticmethod
    def called(lead: LeadCard) -> str:
        """What to call a lead: the name, or what comes closest."""
        name = " ".join(part for part in (lead.first_name, lead.last_name) if part)
        return name or lead.email or lead.company or "Somebody without a name"

    @property
    def role(self) -> str:
        """Title and company."""
        return " · ".join(part for part in (self.lead.title, self.lead.company) if part)

    @property
    def dial(self) -> str:
        """The phone number as a phone wants it; nothing when there are too few digits in it to be one."""
        phone = self.lead.phone or ""
        digits = "".join(sign for sign in phone if sign.isascii() and sign.isdigit())
        return f"{'+' if phone.strip().startswith('+') else ''}{digits}" if len(digits) > 3 else ""

    @property
    def there(self) -> str | None:
        """What time it is where they are."""
        zone = self.lead.timezone
        return f"{self.at.astimezone(ZoneInfo(zone)):%H:%M}" if zone and known_zone(zone) else None

    # --- what to do next ----------------------------------------------------------------------------------------------

    @staticmethod
    def action(name: str) -> Action:
        """An action by its name."""
        return Action(name)

    def may(self, action: Action | str) -> bool:
        """Whether an action would be accepted now. A form that just failed stays, so that what was typed does."""
        return self.allowed.may(Action(action)) or (self.said is not None and self.said.action is Action(action))

    def label(self, action: Action) -> str:
        """What an action is called. A rep can override only to take the lead."""
        return "Take over" if action is Action.OVERRIDE and not self.steers else _LABELS[action]

    def key(self, action: Action) -> str:
        """What marks a form as this one, so that sending it twice does it once."""
        return self.said.key if self.said and self.said.action is action and self.said.key else str(uuid4())

    def trouble(self, action: Action) -> Trouble | None:
        """What went wrong with this action just now."""
        return self.said if self.said and self.said.action is action else None

    @property
    def in_sheet(self) -> bool:
        """Whether what went wrong is told in the action's own form."""
        return self.said is not None and self.said.action not in (Action.CLAIM, Action.RESCORE)

    @cached_property
    def _offered(self) -> list[Action]:
        """All actions that mean something here: nobody claims what they have, or resumes what is not held."""
        unheld = Action.RESUME if self.lead.stage is not Stage.HELD else Action.HOLD
        order = [action for action in _ORDER if action is not unheld and not (action is Action.CLAIM and self.mine)]
        if self.lead.stage is Stage.QUALIFIED:
            order.sort(key=lambda action: action is not Action.DISPOSITION)
        return order

    @property
    def primary(self) -> Action | None:
        """What this user most likely wants."""
        first = next(iter(self.bar), None)
        return first if first in (Action.CONTACT, Action.REVIEW, Action.CLAIM, Action.RESUME) or self.mine else None

    @cached_property
    def bar(self) -> list[Action]:
        """The actions that stand in front, the most likely first."""
        return [action for action in self._offered if self.may(action) and action not in _BEHIND][:_BUTTONS]

    @cached_property
    def rest(self) -> list[Action]:
        """All others; those that are not allowed now say why."""
        front = self.bar
        return sorted((action for action in self._offered if action not in front), key=lambda action: not self.may(action))

    @property
    def began(self) -> datetime:
        """When the running clock began to run."""
        deadline = self.found.state.deadline
        return deadline.start if deadline else self.lead.since

    @property
    def got(self) -> str:
        """How the owner came by it."""
        return "given" if self.lead.stage is Stage.ASSIGNED else "taken"

    @property
    def then(self) -> str:
        """What happens when the clock runs out."""
        return words.then(self.lead.deadline.kind, self.found.policy) if self.lead.deadline else ""

    @property
    def counts(self) -> str:
        """Which outcomes count as contact, where only some do."""
        counts = self.found.policy.contact_counts
        if "attempted" in counts:
            return "Any attempt counts as contact."
        named = [word for outcome, word in words.OUTCOMES.items() if outcome.value in counts]
        return f"Counts as contact: {', '.join(named)}."

    @cached_property
    def came_back(self) -> CameBack | None:
        """What became of it in the hands of the rep before, until the next one has made contact; None when there was none."""
        lead = self.lead
        last = lead.handbacks[-1] if lead.handbacks else None
        here_again = lead.came_back_from is not None or lead.stage in AWAITING_CONTACT
        if last is None or lead.closed or not here_again or last.at < lead.arrived_at:
            return None
        who = self.person(last.rep) if last.rep else "A rep"
        attempt = self._scene.last_attempt(last.rep.id, last.at) if last.rep else None
        quotes = tuple(said for said in (last.reason, last.note) if said)
        title = f"{who} had it before." if lead.owner else f"It came back from {who if who != 'You' else 'you'}."
        said = f"Last attempt: {attempt}." if attempt else "Nobody tried to reach them."
        return CameBack(title, said, last.at, quotes)

    # --- others, and the story -----------------------------------------------------------------------------------------

    @cached_property
    def others(self) -> Sequence[LeadCard]:
        """Other leads of the same account or company."""
        return self.found.others

    @cached_property
    def lines(self) -> list[Line]:
        """The story's part, told."""
        return lines(self.found.happened.items, self._scene)

    @property
    def events(self) -> int:
        """How many events that part is made of."""
        return len(self.found.happened.items)

    @property
    def older(self) -> str | None:
        """Where the part before it begins."""
        return self.found.happened.next_cursor

    @cached_property
    def _scene(self) -> Scene:
        return Scene.of(self.lead, self.me.id)

    def person(self, person: Person) -> str:
        """Who somebody is to who reads."""
        return "You" if person.id == self.me.id else person.name
