"""What is known about a lead, in words: its score's reasons, findings, nurture, holders, and what it takes to qualify."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from api.board import times, words
from api.board.desk import Desk, Trouble
from api.board.entries import attempted
from models.lifecycle import Stage
from models.rules import Condition
from models.schemas.leads import LeadView, Signal

MOST_REASONS: Final = 5
"""How many reasons of a score are shown."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """A line of the checklist.

    Args:
        ticked: whether it is ticked; None for one that wants a number, which is `text`.
        missing: what is asked for, where that was not met.
    """

    name: str
    label: str
    means: str
    wanted: str
    ticked: bool | None
    text: str
    missing: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason of the score, and what it is worth."""

    text: str
    points: float

    @property
    def sign(self) -> str:
        """What it is worth, with its sign."""
        return ("+" if self.points >= 0 else "\N{MINUS SIGN}") + f"{abs(self.points):g}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known from one source."""

    source: str
    at: datetime | None
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt to reach the lead, as a sentence."""

    said: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody's time with the lead."""

    name: str
    long: str
    tried: str
    lapsed: bool
    attempts: tuple[Try, ...]


def reasons(lead: LeadView) -> list[Reason]:
    """Why it has its score, as it was explained; of many reasons the weightiest, and the rest as one."""
    found = [Reason(str(reason["text"]), float(reason["points"])) for reason in lead.reasons]
    if len(found) <= MOST_REASONS:
        return found
    found.sort(key=lambda reason: -abs(reason.points))
    rest = round(sum(reason.points for reason in found[MOST_REASONS - 1 :]), 1)
    return [*found[: MOST_REASONS - 1], Reason("Everything else", rest)]


def judged(lead: LeadView) -> list[tuple[str, str]]:
    """Who judged it, what would change that most, and how sure it is: names and sentences."""
    said = lead.judgement
    if said is None:
        return []
    if said.by == "points":
        of = "" if said.points is None or said.full is None else f": {said.points:,.0f} points, and {said.full:,.0f} make a score of 100"
        found = [("Judged by", f"The points table{of}")]
    else:
        chance = "" if said.probability is None else f": a chance of {100 * said.probability:.0f} in 100"
        found = [("Judged by", f"{said.by[:1].upper()}{said.by[1:]}{chance}")]
    most = said.change.text if said.change else "Nothing that it could do now would change it much"
    found.append(("What would change it most", most))
    return [*found, ("How sure it is", said.sure.text)] if said.sure else found


def thresholds(desk: Desk) -> tuple[float, float]:
    """From which scores on it would be medium and high."""
    tiers = desk.found.policy.score.tiers
    return tiers.medium, tiers.high


def findings(lead: LeadView) -> list[Findings]:
    """What is known beyond the form's own fields, by who said so."""
    told = tuple((words.fact(name), words.value(name, value)) for name, value in lead.attributes.items())
    origins = lead.enrichment.get("provenance", {})
    by_source: dict[str, list[str]] = {}
    for name, origin in origins.items():
        by_source.setdefault(str(origin["source"]), []).append(name)
    found = [_findings(source, names, lead.enrichment, origins) for source, names in by_source.items()]
    return [Findings("What came with the form", None, told), *found] if told else found


def answers(desk: Desk) -> list[Findings]:
    """What they told in interactive tools, by tool: what an answer means, and the question and the answer that say so."""
    by_tool: dict[tuple[str, datetime], list[tuple[str, str]]] = {}
    for one in desk.found.told:
        said = (words.criterion(one.fact), f"{words.value(one.fact, one.value)} ({words.plain(one.question)}: {one.answer})")
        by_tool.setdefault((one.tool, one.at), []).append(said)
    return [Findings(f"From the assessment \u201c{words.plain(tool)}\u201d", at, tuple(facts)) for (tool, at), facts in by_tool.items()]


def _findings(source: str, names: Sequence[str], found: Mapping[str, Any], origins: Mapping[str, Any]) -> Findings:
    facts = tuple((words.fact(name), words.value(name, found[name])) for name in names)
    moments = [datetime.fromisoformat(origins[name]["at"]) for name in names if origins[name].get("at")]
    return Findings(f"From {words.source_of(source)}", max(moments, default=None), facts)


@dataclass(frozen=True, slots=True)
class Headline:
    """A buying signal of the company, as a line.

    Args:
        kind: in a word.
        address: where to read on; None where there is nothing that may be opened.
    """

    kind: str
    title: str
    address: str | None
    source: str
    at: datetime


def doings_of(lead: LeadView) -> list[Signal]:
    """What the lead did lately."""
    return [signal for signal in lead.signals if signal.type == "behaviour"]


def news(lead: LeadView) -> list[Headline]:
    """What its company did lately."""
    return [
        Headline(
            kind=words.SIGNALS.get(signal.kind) or words.plain(signal.kind),
            title=signal.title or "",
            address=signal.url if signal.url and signal.url.startswith(("https://", "http://")) else None,
            source=words.source_of(signal.source or ""),
            at=signal.last_at,
        )
        for signal in lead.signals
        if signal.type == "company"
    ]


def silent(lead: LeadView) -> list[str]:
    """Who was asked about the lead and could not tell, or is not asked, and why: one sentence a reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in lead.enrichment.get("why", {}).items():
        by_reason.setdefault(reason, []).append(words.source_of(name))
    unexplained = [words.source_of(name) for name in lead.enrichment.get("missing", ()) if name not in lead.enrichment.get("why", {})]
    if unexplained:
        by_reason["failed"] = by_reason.get("failed", []) + unexplained
    return [f"{said}: {', '.join(by_reason[reason])}." for reason, said in words.WHY.items() if reason in by_reason]


def nurture(desk: Desk) -> list[str]:
    """Where it is in its campaign, as sentences."""
    n = desk.lead.nurture
    if n.campaign is None:
        return ["In no campaign."]
    campaign = desk.found.policy.nurture.campaigns.get(n.campaign)
    steps = campaign.steps if campaign else ()
    name = words.plain(n.campaign)
    if n.step is None or n.step > len(steps):
        return [f"Campaign {name}: all {words.counted(len(steps), 'step')} are done."]
    channel = words.CHANNELS[steps[n.step - 1].channel].lower()
    where = f"Campaign {name}: next is step {n.step} of {len(steps)}, by {channel}."
    return [where, _paused(desk) if n.paused else _next_touch(n.next_at, desk.at)]


def _paused(desk: Desk) -> str:
    if desk.lead.owner:
        return f"Paused while {'you have' if desk.mine else f'{desk.lead.owner.name} has'} the lead."
    return "Paused while a reviewer looks at it." if desk.lead.stage is Stage.REVIEW else "Paused while marketing works it in person."


def _next_touch(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "No touch is due."
    return f"It goes out in {times.left(at, now)}." if at > now else "It goes out any moment."


def holders(desk: Desk) -> list[Held]:
    """Who had it, the latest first, with what each tried."""
    found = []
    for number, holder in enumerate(desk.lead.holders, 1):
        tried = [attempt for attempt in desk.lead.attempts if attempt.tenure == number]
        last = f", {words.OUTCOMES[tried[-1].outcome].lower()}" if tried else ""
        held = Held(
            name=desk.person(holder.rep) if holder.rep else "A rep",
            long=words.span(timedelta(seconds=holder.seconds)),
            tried=f"{words.counted(holder.attempts, 'attempt')}{last}" if holder.attempts else "no attempt",
            lapsed=holder.lapsed,
            attempts=tuple(Try(attempted(one.channel, one.outcome, one.note), one.at) for one in reversed(tried)),
        )
        found.append(held)
    return found[::-1]


def funnel(lead: LeadView) -> tuple[tuple[str, datetime | None], ...]:
    """The funnel's three stamps."""
    passed = lead.lifecycle
    return ("Marketing-qualified", passed.mql_at), ("Sales-accepted", passed.sal_at), ("Sales-qualified", passed.sql_at)


def checklist(desk: Desk, said: Trouble | None) -> list[Criterion]:
    """What a qualified lead needs, as far as it is known already or was just typed."""
    stated = dict(desk.found.state.criteria)
    return [_criterion(condition, stated, said) for condition in desk.found.policy.sql.conditions]


def _criterion(condition: Condition, stated: Mapping[str, float | bool], said: Trouble | None) -> Criterion:
    name = condition.fact
    typed = said.typed.get(f"criteria.{name}") if said else None
    known = stated.get(name)
    plain = condition.value in ("true", "false")
    text = typed if typed is not None else "" if known is None else f"{known:,.12g}"
    missing = None
    if said:
        wanted = "Needed: " + (words.means(name).lower() if plain else words.wanted(condition))
        missing = said.fields.get(f"criteria.{name}") or (wanted if name in said.missing else None)
    return Criterion(
        name=name,
        label=words.criterion(name),
        means=words.wanted(condition) if condition.of_words else words.means(name) if words.means(name) != words.criterion(name) else "",
        wanted=words.wanted(condition),
        ticked=(typed == "true" if typed is not None else known is True) if plain or condition.of_words else None,
        text=text,
        missing=missing,
    )
