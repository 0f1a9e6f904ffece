"""Notices as they are told outside the page: by e-mail, in Slack, in Teams."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from activities.letters import Letter
from activities.slack import escaped
from activities.teams import card
from api.board.notices import TITLES, headline
from api.board.words import CONTACT_CHANNELS, OUTCOMES, TIERS
from models.lifecycle import NoticeKind, Role
from models.schemas.leads import HandBackRef, LeadCard

CLAIMABLE = "claimable"
"""The kind of what is posted when a lead worth it is up for grabs. In the page, the board itself shows that."""
CLAIM_ACTION = "claim"
"""The action of Slack's claim button; its value is the lead's id."""
_UP_FOR_GRABS = "A lead is up for grabs"
_LONGEST_QUOTE = 500
_WITH_DEADLINE = frozenset({NoticeKind.ASSIGNED, NoticeKind.DEADLINE_NEAR, NoticeKind.NAMED_ACCOUNT, NoticeKind.FAST_LANE, CLAIMABLE})
_WITH_ATTEMPT = frozenset({NoticeKind.HANDED_BACK, NoticeKind.LAPSED})


@dataclass(frozen=True, slots=True)
class Told:
    """A notice in words.

    Args:
        title: the headline.
        about: who the lead is.
        facts: a line each.
        quote: what a rep wrote, if anything.
        link: to the lead's page.
        lead: its id.
        claimable: whether a button to claim it belongs there.
    """

    title: str
    about: str
    facts: tuple[str, ...]
    quote: str | None
    link: str
    lead: str
    claimable: bool


def told(kind: str, role: Role | None, lead: LeadCard, zone: str, board: str, to: str | None = None) -> Told:
    """A notice in words.

    Args:
        kind: a `NoticeKind`, or `CLAIMABLE`.
        role: whom it is for, where that is everybody in a role.
        lead: whom it is about.
        zone: the reader's time zone.
        board: where the board is.
        to: the name of whom it is for, where others read it too.
    """
    title = _UP_FOR_GRABS if kind == CLAIMABLE else headline(NoticeKind(kind), role)
    facts = [f"For {to}."] if to else []
    if lead.tier and kind in _WITH_DEADLINE:
        score = f", score {lead.score:.0f}" if lead.score is not None else ""
        facts.append(f"{TIERS[lead.tier]} tier{score}.")
    if kind in _WITH_DEADLINE and lead.deadline:
        facts.append(f"Time until {_when(lead.deadline.at, zone)}.")
    quote = None
    if kind in _WITH_ATTEMPT and lead.handback:
        more, quote = _attempt(lead.handback, zone)
        facts += more
    link = f"{board.rstrip('/')}/leads/{lead.id}"
    return Told(title, _about(lead), tuple(facts), quote, link, str(lead.id), kind == CLAIMABLE)


def letter(words: Told, board: str) -> Letter:
    """A notice as an e-mail."""
    quote = "\n".join(f"> {line}" for line in (words.quote or "").splitlines())
    parts = [f"{words.title}.", words.about, "\n".join(words.facts), quote, words.link]
    footer = f"-- \nWhich notices come by e-mail is up to you: {board.rstrip('/')}/account"
    plain = "\n\n".join(part for part in [*parts, footer] if part) + "\n"
    return Letter(words.title, f"{words.title}: {words.about}"[:200], plain)


def slack(words: Told, *, button: bool) -> dict[str, Any]:
    """A notice as a Slack message.

    Args:
        words: of it.
        button: whether the claim button works.
    """
    lines = [f"*{escaped(words.title)}*", f"<{words.link}|{escaped(words.about).replace('|', '¦')}>", *map(escaped, words.facts)]
    if words.quote:
        lines += [f"> {line}" for line in escaped(words.quote).splitlines()]
    open_it = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": words.link, "action_id": "open"}
    claim = {"type": "button", "text": {"type": "plain_text", "text": "Claim"}, "style": "primary", "action_id": CLAIM_ACTION}
    buttons = [claim | {"value": words.lead}, open_it] if button and words.claimable else [open_it]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}}
    return {
        "text": escaped(f"{words.title}: {words.about}"),
        "unfurl_links": False,
        "blocks": [section, {"type": "actions", "elements": buttons}],
    }


def teams(words: Told) -> dict[str, object]:
    """A notice as a card for Teams."""
    return card(words.title, "\n\n".join([words.about, *words.facts]), words.quote, words.link)


def _attempt(back: HandBackRef, zone: str) -> tuple[list[str], str | None]:
    """How a lead came back: in facts, and what the rep wrote."""
    who = back.rep.name if back.rep else "The rep"
    facts = [f"{who} had it until {_when(back.at, zone)}."]
    if back.reason:
        facts.append(f"Reason: {_line(back.reason)}")
    tried = back.attempt
    if tried is None:
        facts.append(f"{who} did not try to reach it.")
        return facts, _quoted(back.note)
    facts.append(f"Last attempt: {CONTACT_CHANNELS[tried.channel]}, {OUTCOMES[tried.outcome].lower()}, {_when(tried.at, zone)}.")
    return facts, _quoted(tried.note or back.note)


def _quoted(words: str | None) -> str | None:
    return words[:_LONGEST_QUOTE] + ("…" if len(words) > _LONGEST_QUOTE else "") if words else None


def _when(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %-d %b, %H:%M} ({zone})"


def _line(words: str) -> str:
    return " ".join(words.split())[:200]


def _about(lead: LeadCard) -> str:
    name = " ".join(part for part in (lead.first_name, lead.last_name) if part)
    return _line(", ".join(part for part in (name, lead.company) if part)) or "A lead without a name"


assert set(TITLES) == set(NoticeKind)  # noqa: S101 - a kind without words would hold up its sending
