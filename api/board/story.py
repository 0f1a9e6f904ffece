"""A lead's story: what happened to it as sentences, one line an event, small ones in a row told as one."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from activities.nurture import MessageState
from api.board import doings, words
from api.board.entries import LEDGER, Scene
from models.lifecycle import ActorKind, Channel, EntryKind, Stage
from models.schemas.leads import TimelineItem

VISIT: Final = timedelta(minutes=30)
"""Small doings no further apart than this are one visit."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the story.

    Args:
        at: when; of several folded into one, the latest.
        icon: its symbol in the sprite.
        text: the sentence, without its subject where somebody did it.
        who: who did it, the sentence's subject.
        tone: `returned` for what came back to marketing, `good` for what went well.
        quotes: what people wrote.
        facts: particulars, by name.
        parts: the lines folded into this one, the newest first.
    """

    at: datetime
    icon: str
    text: str
    who: str | None = None
    tone: str = ""
    quotes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    parts: tuple["Line", ...] = ()


def lines(items: Sequence[TimelineItem], scene: Scene) -> list[Line]:
    """The story of these events.

    Args:
        items: the newest first.
        scene: who reads it, and who is who.
    """
    return [_told(group, scene) for group in _visits(_once(items))]


def _once(items: Sequence[TimelineItem]) -> list[TimelineItem]:
    """Without what is told twice: a touch decided on and its message, a score and the entry it led to a moment later."""
    touches = {(item.data.get("campaign"), _step(item)) for item in items if item.type == "message"}
    told: list[TimelineItem] = []
    waiting: list[int] = []
    for item in items:
        if item.type == "ledger" and item.kind == EntryKind.NURTURE_STEP and (item.data.get("campaign"), _step(item)) in touches:
            continue
        entry = next((n for n in reversed(waiting) if item.type == "score" and told[n].score == item.score), None)
        if entry is not None:
            waiting.remove(entry)
            told[entry] = told[entry].model_copy(update={"data": {**item.data, **told[entry].data}})
            continue
        if item.type == "ledger" and item.kind == EntryKind.SCORED and item.actor is ActorKind.SCORER:
            waiting.append(len(told))
        told.append(item)
    return told


def _step(item: TimelineItem) -> int:
    """Counted from 1; the ledger counts from 0."""
    return int(item.data.get("step") or 0) + (item.type == "ledger")


def _visits(items: Iterable[TimelineItem]) -> list[list[TimelineItem]]:
    groups: list[list[TimelineItem]] = []
    for item in items:
        if groups and _alike(item, groups[-1][-1]) and groups[-1][-1].at - item.at <= VISIT:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _alike(item: TimelineItem, other: TimelineItem) -> bool:
    """A person's doings are never told together with a machine's."""
    return _small(item) and _small(other) and item.data.get("verdict") == other.data.get("verdict")


def _small(item: TimelineItem) -> bool:
    return item.type == "engagement" and doings.doing(item.kind).small


def _told(group: list[TimelineItem], scene: Scene) -> Line:
    parts = tuple(_line(item, scene) for item in group)
    if len(parts) == 1:
        return parts[0]
    kinds = Counter(item.kind for item in group)
    about = {doings.subject(item.data) for item in group}
    on = about.pop() if len(about) == 1 else None
    text = doings.tallied(kinds) + (f" on {on}" if on else "")
    took = group[0].at - group[-1].at
    lasted = f", in {words.span(took)}" if took >= timedelta(seconds=1) else ""
    whose = words.MACHINES.get(str(group[0].data.get("verdict")), "")
    return Line(group[0].at, parts[0].icon, f"{text[:1].upper()}{text[1:]}{lasted}{whose}", parts=parts)


def _line(item: TimelineItem, scene: Scene) -> Line:
    line = _TELLERS[item.type](item, scene)
    by = None if item.by is None else "You" if item.by.id == scene.me else item.by.name
    text = line.text if by else line.text[:1].upper() + line.text[1:]
    return replace(line, who=by, text=text)


# --- engagements, messages, scores, enrichment ----------------------------------------------------------------------


def _engagement(item: TimelineItem, scene: Scene) -> Line:
    known, about = doings.doing(item.kind), doings.subject(item.data)
    facts = tuple(
        (words.fact(name), words.value(name, found))
        for name, found in item.data.items()
        if found not in (None, "", [], {}, about) and name not in _INWARD
    )
    machine = words.MACHINES.get(str(item.data.get("verdict")), "")
    return Line(item.at, known.icon, (f"{known.sentence}: {about}" if about else known.sentence) + machine, facts=facts)


_INWARD = frozenset({"visit", "message"})
"""Properties that are ids of ours, and tell people nothing."""


def _message(item: TimelineItem, scene: Scene) -> Line:
    state, data = MessageState(item.kind), item.data
    what = data.get("subject") or words.plain(str(data.get("template") or "message"))
    why = data.get("why")
    because = f" ({words.HELD_BACK.get(why) or words.plain(why)})" if why else ""
    seen = [said for name, said in (("opened_at", "opened"), ("clicked_at", "clicked")) if data.get(name)]
    after = f"; {' and '.join(seen)}" if seen else ""
    channel = words.CHANNELS[Channel(data["channel"])].lower()
    facts = [("Campaign", f"{words.plain(data['campaign'])}, step {data['step']}"), ("To", data.get("recipient"))]
    text = f"{words.MESSAGES[state]}{because}: {channel} “{what}”{after}"
    return Line(item.at, "cross" if state in _FAILED else "mail", text, facts=tuple((name, found) for name, found in facts if found))


_FAILED = (MessageState.REFUSED, MessageState.WITHHELD, MessageState.BOUNCED)


def _score(item: TimelineItem, scene: Scene) -> Line:
    return Line(item.at, "score", f"Scored {item.score or 0:.0f} of 100", facts=_why(item.data))


def _why(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(reason["text"]), f"{reason['points']:+g} points") for reason in data.get("reasons", ()))


def _enrichment(item: TimelineItem, scene: Scene) -> Line:
    found = {name: value for name, value in item.data.items() if name not in ("provenance", "missing", "why")}
    missing = [words.source_of(name) for name in item.data.get("missing", ())]
    late = f"; {', '.join(missing)} did not answer" if missing else ""
    facts = tuple((words.fact(name), words.value(name, value)) for name, value in found.items())
    return Line(item.at, "search", f"Found out {words.counted(len(found), 'thing')} about them{late}", facts=facts)


def _ledger(item: TimelineItem, scene: Scene) -> Line:
    kind = EntryKind(item.kind)
    icon, tell = LEDGER[kind]
    quotes = [said for said in (item.reason, item.note) if said]
    tone = "good" if kind in _GOOD else "returned" if _came_back(item, kind) else ""
    holder = item.data.get("holder")
    if tone == "returned" and holder:
        last = scene.last_attempt(holder, item.at)
        quotes += [f"Last attempt: {last}"] if last else []
    facts = _why(item.data) if kind is EntryKind.SCORED else ()
    return Line(item.at, icon, tell(item, scene), tone=tone, quotes=tuple(quotes), facts=facts)


def _came_back(item: TimelineItem, kind: EntryKind) -> bool:
    return kind in _BACK and item.to_stage is not Stage.WORKING


_GOOD = frozenset({EntryKind.QUALIFIED, EntryKind.WON})
_BACK = frozenset({EntryKind.RELEASED, EntryKind.LAPSED, EntryKind.MEAGER, EntryKind.NOT_READY, EntryKind.TREE_ENDED})


_TELLERS: Final[Mapping[str, Callable[[TimelineItem, Scene], Line]]] = {
    "engagement": _engagement,
    "message": _message,
    "score": _score,
    "enrichment": _enrichment,
    "ledger": _ledger,
}
