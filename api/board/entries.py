"""Every kind of entry of the ledger as a sentence, and what sentences need to know to name people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api.board import words
from models.lifecycle import Channel, ContactChannel, ContactOutcome, EntryKind, FastLaneRule, ReviewOutcome, Stage
from models.schemas.leads import Attempt, LeadView, TimelineItem


@dataclass(frozen=True, slots=True)
class Scene:
    """What sentences need to know besides the event itself.

    Args:
        me: whose eyes read it: they are “you”.
        names: of reps, by id.
        attempts: of reps to reach the lead, the oldest first.
    """

    me: UUID
    names: Mapping[str, str]
    attempts: Sequence[Attempt] = ()

    @classmethod
    def of(cls, lead: LeadView, me: UUID) -> "Scene":
        """The scene of a lead."""
        people = [lead.owner, *(holder.rep for holder in lead.holders), *(back.rep for back in lead.handbacks)]
        return cls(me, {str(person.id): person.name for person in people if person}, lead.attempts)

    def name(self, user: object) -> str:
        """Who a user is."""
        return "you" if str(user) == str(self.me) else self.names.get(str(user), "a rep")

    def last_attempt(self, rep: object, until: datetime) -> str | None:
        """What a rep tried last before a moment, in words."""
        tried = [attempt for attempt in self.attempts if attempt.by and str(attempt.by.id) == str(rep) and attempt.at <= until]
        said = attempted(tried[-1].channel, tried[-1].outcome, tried[-1].note) if tried else ""
        return said[:1].lower() + said[1:] or None


def attempted(channel: ContactChannel, outcome: ContactOutcome, note: str | None = None) -> str:
    """An attempt as a sentence of its own: “Called, no answer — “rang twice””."""
    said = words.REACHED[channel] if outcome is ContactOutcome.REACHED else f"{words.TRIED[channel]}, {words.OUTCOMES[outcome].lower()}"
    return f"{said[:1].upper()}{said[1:]}{f' — “{note}”' if note else ''}"


Teller = Callable[[TimelineItem, Scene], str]
"""Makes a sentence of an entry; its subject, where a person did it, is put before it."""


def _to(item: TimelineItem) -> str:
    return words.TO_STAGE[item.to_stage or Stage.NEW]


def _owner(item: TimelineItem, scene: Scene) -> str:
    return scene.name(item.owner.id) if item.owner and item.owner.id == scene.me else item.owner.name if item.owner else "a rep"


def _attempt(item: TimelineItem, scene: Scene) -> str:
    said = attempted(ContactChannel(item.data["channel"]), ContactOutcome(item.data["outcome"]))
    return said[:1].lower() + said[1:]


def _arrived(item: TimelineItem, scene: Scene) -> str:
    return "arrived"


def _reopened(item: TimelineItem, scene: Scene) -> str:
    return f"came back; the lead was closed as {words.FROM_STAGE[item.from_stage or Stage.LOST]}"


def _scored(item: TimelineItem, scene: Scene) -> str:
    worth = f"{item.score or 0:.0f} of 100{f', {words.TIERS[item.tier].lower()}' if item.tier else ''}"
    return f"no score came in time, so the points decided: {worth}" if item.data.get("in_time") is False else f"scored {worth}"


def _claimed(item: TimelineItem, scene: Scene) -> str:
    return "claimed it"


def _assigned(item: TimelineItem, scene: Scene) -> str:
    return f"assigned to {_owner(item, scene)}{_because(item)}"


def _because(item: TimelineItem) -> str:
    """Why that rep, where the router chose them: the end of a sentence about them."""
    why = item.data.get("routing", {}).get("why") or [""]
    return f" ({why[-1]})" if why[-1] else ""


def _unrouted(item: TimelineItem, scene: Scene) -> str:
    return "no rep was free; it goes to the first who is"


def _qualified(item: TimelineItem, scene: Scene) -> str:
    return "qualified it: the agreed criteria are met"


def _not_ready(item: TimelineItem, scene: Scene) -> str:
    return "found it not ready yet: back to nurture"


def _disqualified(item: TimelineItem, scene: Scene) -> str:
    return "found it not a fit" if item.by else "a rule of the agreement says it is not a fit"


def _won(item: TimelineItem, scene: Scene) -> str:
    return f"won it{_amount(item)}"


def _lost(item: TimelineItem, scene: Scene) -> str:
    return f"lost it{_amount(item)}"


def _amount(item: TimelineItem) -> str:
    amount = item.data.get("amount_usd")
    return f": {words.money(float(amount))}" if amount is not None else ""


def _tries(item: TimelineItem) -> str:
    attempts = int(item.data.get("attempts") or 0)
    return f"after {words.counted(attempts, 'attempt')}" if attempts else "without an attempt"


def _back_to(item: TimelineItem) -> str:
    return "another rep is looked for" if item.to_stage is Stage.NEW else _to(item)


def _released(item: TimelineItem, scene: Scene) -> str:
    return f"handed it back {_tries(item)}: {_back_to(item)}"


def _lapsed(item: TimelineItem, scene: Scene) -> str:
    if item.to_stage is Stage.WORKING:
        return "no outcome came in time: back to being worked"
    rep = scene.name(item.data.get("holder"))
    what = "keep in touch" if item.from_stage is Stage.WORKING else "make contact"
    return f"{rep} did not {what} in time, {_tries(item)}: {_back_to(item)}"


def _meager(item: TimelineItem, scene: Scene) -> str:
    return f"{scene.name(item.data.get('holder'))} followed up too little, {_tries(item)}: {_to(item)}"


def _overridden(item: TimelineItem, scene: Scene) -> str:
    if item.owner is None:
        return f"moved it by hand {_to(item)}"
    if item.by and item.by.id == item.owner.id:
        return "took it over"
    return f"gave it to {_owner(item, scene)}"


def _reviewed(item: TimelineItem, scene: Scene) -> str:
    if item.to_stage is Stage.ASSIGNED:
        return f"passed it to {_owner(item, scene)}{_because(item)}"
    said = {
        ReviewOutcome.PASS: "passed it to sales; a rep is being looked for",
        ReviewOutcome.NURTURE: "reviewed it and sent it to nurture",
        ReviewOutcome.DISQUALIFY: "reviewed it and found it not a fit",
    }
    return said[ReviewOutcome(item.data.get("outcome") or ReviewOutcome.PASS)]


def _to_review(item: TimelineItem, scene: Scene) -> str:
    return "its score cannot tell: a reviewer looks at it by hand"


def _held(item: TimelineItem, scene: Scene) -> str:
    return "took it out of automation to work it in person"


def _resumed(item: TimelineItem, scene: Scene) -> str:
    return f"gave it back to automation: {_to(item)}" if item.by else f"the hold ran out: {_to(item)}"


def _nurtured(item: TimelineItem, scene: Scene) -> str:
    return f"nobody claimed it in time: {_to(item)}"


def _promoted(item: TimelineItem, scene: Scene) -> str:
    return f"its score rose: to {_owner(item, scene)}{_because(item)}" if item.owner else f"its score rose: {_to(item)}"


def _fast_lane(item: TimelineItem, scene: Scene) -> str:
    rule = item.data.get("rule")
    why = words.FAST_LANE[FastLaneRule(rule)] if rule else "is for sales at once"
    if item.to_stage is Stage.ASSIGNED and item.from_stage is not Stage.ASSIGNED:
        return f"straight to {_owner(item, scene)}{_because(item)}, because the lead {why}"
    return f"the lead {why}; {_owner(item, scene)} was told" if item.owner else f"the lead {why}: straight to sales"


def _stale(item: TimelineItem, scene: Scene) -> str:
    return "no sign of life: let go" if item.to_stage is Stage.DISQUALIFIED else f"no sign of life: {_to(item)}"


def _tree_ended(item: TimelineItem, scene: Scene) -> str:
    return f"no rep contacted it in the agreed time after arrival: {_to(item)}"


def _engaged(item: TimelineItem, scene: Scene) -> str:
    return "a sign of life: its clock starts anew"


def _nurture_step(item: TimelineItem, scene: Scene) -> str:
    return f"next touch of {words.plain(str(item.data['campaign']))}: {_touch(item)}"


def _step_skipped(item: TimelineItem, scene: Scene) -> str:
    return f"a touch of {words.plain(str(item.data['campaign']))} was skipped ({_touch(item)}): {words.HELD_BACK[str(item.data['why'])]}"


def _touch(item: TimelineItem) -> str:
    return words.CHANNELS[Channel(item.data["channel"])].lower()


def _unsubscribed(item: TimelineItem, scene: Scene) -> str:
    return f"stopped {_channels(item)}, for good"


def _consented(item: TimelineItem, scene: Scene) -> str:
    return f"allowed {_channels(item)}"


def _channels(item: TimelineItem) -> str:
    return " and ".join(words.CHANNELS[Channel(name)].lower() for name in str(item.data["channels"]).split(","))


def _reminded(item: TimelineItem, scene: Scene) -> str:
    due = f": {words.DUE[item.deadline.kind].lower()}" if item.deadline else ""
    return f"{_owner(item, scene)} {'were' if item.owner and item.owner.id == scene.me else 'was'} reminded{due}"


def _retimed(item: TimelineItem, scene: Scene) -> str:
    return "its deadline moved, because the owner's absences changed"


def _policy_changed(item: TimelineItem, scene: Scene) -> str:
    kept = "; what is running ends as it began" if item.data.get("takes_effect") == "next_stage" else ""
    return f"version {item.data.get('policy_version')} of the agreement applies from here on{kept}"


def _closed(item: TimelineItem, scene: Scene) -> str:
    return "closed: nobody came back for it"


def _erased(item: TimelineItem, scene: Scene) -> str:
    return "erased the person"


LEDGER: Final[Mapping[EntryKind, tuple[str, Teller]]] = {
    EntryKind.ARRIVED: ("arrive", _arrived),
    EntryKind.REOPENED: ("arrive", _reopened),
    EntryKind.SCORED: ("score", _scored),
    EntryKind.CLAIMED: ("hand", _claimed),
    EntryKind.ASSIGNED: ("route", _assigned),
    EntryKind.UNROUTED: ("clock", _unrouted),
    EntryKind.CONTACTED: ("phone", _attempt),
    EntryKind.WORKED: ("phone", _attempt),
    EntryKind.QUALIFIED: ("check", _qualified),
    EntryKind.NOT_READY: ("back", _not_ready),
    EntryKind.DISQUALIFIED: ("cross", _disqualified),
    EntryKind.WON: ("flag", _won),
    EntryKind.LOST: ("flag", _lost),
    EntryKind.RELEASED: ("back", _released),
    EntryKind.LAPSED: ("back", _lapsed),
    EntryKind.MEAGER: ("back", _meager),
    EntryKind.OVERRIDDEN: ("pencil", _overridden),
    EntryKind.REVIEWED: ("search", _reviewed),
    EntryKind.TO_REVIEW: ("search", _to_review),
    EntryKind.HELD: ("pause", _held),
    EntryKind.RESUMED: ("play", _resumed),
    EntryKind.NURTURED: ("mail", _nurtured),
    EntryKind.PROMOTED: ("up", _promoted),
    EntryKind.FAST_LANE: ("star", _fast_lane),
    EntryKind.STALE: ("clock", _stale),
    EntryKind.TREE_ENDED: ("back", _tree_ended),
    EntryKind.ENGAGED: ("eye", _engaged),
    EntryKind.NURTURE_STEP: ("mail", _nurture_step),
    EntryKind.STEP_SKIPPED: ("cross", _step_skipped),
    EntryKind.UNSUBSCRIBED: ("cross", _unsubscribed),
    EntryKind.CONSENTED: ("check", _consented),
    EntryKind.REMINDED: ("clock", _reminded),
    EntryKind.RETIMED: ("clock", _retimed),
    EntryKind.POLICY_CHANGED: ("file", _policy_changed),
    EntryKind.CLOSED: ("flag", _closed),
    EntryKind.ERASED: ("cross", _erased),
}
"""Every kind of entry: its symbol, and its sentence."""
