"""Plain words for everything the program knows by a code: what a person reads is here, and never the code itself.

Whole events of a lead's story are put into sentences by `api.board.story`, from these words.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from activities.nurture import MessageState
from api.board import times
from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DeadlineKind,
    DispositionOutcome,
    FastLaneRule,
    ReviewOutcome,
    Role,
    Stage,
    Tier,
)
from models.policy import Policy
from models.rules import Condition

STAGES: Final[Mapping[Stage, str]] = {
    Stage.NEW: "New",
    Stage.REVIEW: "In review",
    Stage.CLAIMED: "Claimed",
    Stage.ASSIGNED: "Assigned",
    Stage.WORKING: "Working",
    Stage.HELD: "On hold",
    Stage.NURTURE: "Nurture",
    Stage.LONG_TERM: "Long-term nurture",
    Stage.QUALIFIED: "Qualified",
    Stage.DISQUALIFIED: "Not a fit",
    Stage.WON: "Won",
    Stage.LOST: "Lost",
    Stage.ERASED: "Erased",
}
"""Where a lead stands."""
TO_STAGE: Final[Mapping[Stage, str]] = {
    Stage.NEW: "back to new",
    Stage.REVIEW: "to review",
    Stage.CLAIMED: "to its rep",
    Stage.ASSIGNED: "to a rep",
    Stage.WORKING: "back to being worked",
    Stage.HELD: "to marketing in person",
    Stage.NURTURE: "to nurture",
    Stage.LONG_TERM: "to long-term nurture",
    Stage.QUALIFIED: "to qualified",
    Stage.DISQUALIFIED: "out, as not a fit",
    Stage.WON: "to won",
    Stage.LOST: "to lost",
    Stage.ERASED: "out, erased",
}
"""Where it went: the end of a sentence."""
FROM_STAGE: Final[Mapping[Stage, str]] = {
    Stage.NEW: "new",
    Stage.REVIEW: "review",
    Stage.CLAIMED: "the rep who claimed it",
    Stage.ASSIGNED: "the rep it was assigned to",
    Stage.WORKING: "the rep who worked it",
    Stage.HELD: "marketing's hands",
    Stage.NURTURE: "nurture",
    Stage.LONG_TERM: "long-term nurture",
    Stage.QUALIFIED: "qualified",
    Stage.DISQUALIFIED: "not a fit",
    Stage.WON: "won",
    Stage.LOST: "lost",
    Stage.ERASED: "erased",
}
"""Where it came from: after “from”."""
TIERS: Final[Mapping[Tier, str]] = {Tier.HIGH: "High", Tier.MEDIUM: "Medium", Tier.LOW: "Low"}
"""What a score is worth."""
DUE: Final[Mapping[DeadlineKind, str]] = {
    DeadlineKind.SCORE_BY: "Score",
    DeadlineKind.CLAIM_WINDOW: "Claim",
    DeadlineKind.REVIEW: "Review",
    DeadlineKind.CONTACT: "First contact",
    DeadlineKind.NEXT_TOUCH: "Next touch",
    DeadlineKind.MEAGER: "Follow-up",
    DeadlineKind.HOLD: "Hold ends",
    DeadlineKind.NURTURE_STALE: "Goes quiet",
    DeadlineKind.LONG_TERM_STALE: "Let go",
    DeadlineKind.OPPORTUNITY: "Outcome",
    DeadlineKind.REOPENABLE: "Closes",
}
"""What is due: stands beside the time that is left, or by which it is late."""
THEN: Final[Mapping[DeadlineKind, str]] = {
    DeadlineKind.SCORE_BY: "It is being scored. If no score comes in time, the points table decides.",
    DeadlineKind.CLAIM_WINDOW: "Any rep can claim it. After that its score decides where it goes.",
    DeadlineKind.REVIEW: "A reviewer looks at it by hand. After that its score decides where it goes.",
    DeadlineKind.CONTACT: "The first contact is due. Without it, the lead is handed back.",
    DeadlineKind.NEXT_TOUCH: "The next touch is due. Without it, the lead goes back to marketing.",
    DeadlineKind.MEAGER: "Enough touches are due by then. With fewer, the lead goes back to marketing.",
    DeadlineKind.HOLD: "Marketing works it in person. After that it goes back to where it was.",
    DeadlineKind.NURTURE_STALE: "Without a sign of life by then, it moves to long-term nurture.",
    DeadlineKind.LONG_TERM_STALE: "Without a sign of life by then, it is let go.",
    DeadlineKind.OPPORTUNITY: "An outcome is due. Without it, the lead goes back to being worked.",
    DeadlineKind.REOPENABLE: "It can still be claimed. After that it is closed.",
}
"""What is due, and what happens when the clock runs out."""
CHANNELS: Final[Mapping[Channel, str]] = {Channel.EMAIL: "E-mail", Channel.SMS: "Text message", Channel.POST: "Post"}
"""How nurture reaches a lead."""
CONTACT_CHANNELS: Final[Mapping[ContactChannel, str]] = {
    ContactChannel.CALL: "Phone",
    ContactChannel.EMAIL: "E-mail",
    ContactChannel.MEETING: "Meeting",
    ContactChannel.SOCIAL: "Social",
    ContactChannel.SMS: "Text",
}
"""How a rep reaches a lead."""
TRIED: Final[Mapping[ContactChannel, str]] = {
    ContactChannel.CALL: "called",
    ContactChannel.EMAIL: "wrote an e-mail",
    ContactChannel.MEETING: "tried to meet",
    ContactChannel.SOCIAL: "wrote on social media",
    ContactChannel.SMS: "sent a text message",
}
"""What a rep did to reach a lead."""
REACHED: Final[Mapping[ContactChannel, str]] = {
    ContactChannel.CALL: "reached them by phone",
    ContactChannel.EMAIL: "reached them by e-mail",
    ContactChannel.MEETING: "met them",
    ContactChannel.SOCIAL: "reached them on social media",
    ContactChannel.SMS: "reached them by text message",
}
"""What a rep did who reached the lead."""
OUTCOMES: Final[Mapping[ContactOutcome, str]] = {
    ContactOutcome.REACHED: "Reached",
    ContactOutcome.NO_ANSWER: "No answer",
    ContactOutcome.LEFT_MESSAGE: "Left a message",
    ContactOutcome.BOUNCED: "Bounced",
}
"""What came of a rep's attempt."""
CONCLUSIONS: Final[Mapping[DispositionOutcome, str]] = {
    DispositionOutcome.QUALIFIED: "Qualified",
    DispositionOutcome.NOT_READY: "Not ready",
    DispositionOutcome.DISQUALIFIED: "Not a fit",
    DispositionOutcome.WON: "Won",
    DispositionOutcome.LOST: "Lost",
}
"""What a rep concludes."""
MEANS: Final[Mapping[DispositionOutcome, str]] = {
    DispositionOutcome.QUALIFIED: "The agreed criteria are met: it becomes an opportunity.",
    DispositionOutcome.NOT_READY: "Marketing keeps in touch until they are.",
    DispositionOutcome.DISQUALIFIED: "Nobody should work it; say why.",
    DispositionOutcome.WON: "They bought.",
    DispositionOutcome.LOST: "They will not buy.",
}
"""What a conclusion leads to."""
REVIEWS: Final[Mapping[ReviewOutcome, str]] = {
    ReviewOutcome.PASS: "Pass to sales",
    ReviewOutcome.NURTURE: "Send to nurture",
    ReviewOutcome.DISQUALIFY: "Not a fit",
}
"""What a reviewer concludes."""
FAST_LANE: Final[Mapping[FastLaneRule, str]] = {
    FastLaneRule.CONSULTATION: "asked to be contacted",
    FastLaneRule.NAMED_ACCOUNT: "is from a named account and responded",
    FastLaneRule.SQL_CRITERIA: "meets the agreed criteria already",
    FastLaneRule.POINTS: "reached the agreed points",
}
"""Why a lead goes straight to sales: after “the lead”."""
ROLES: Final[Mapping[Role, str]] = {
    Role.REP: "Rep",
    Role.REVIEWER: "Reviewer",
    Role.MARKETER: "Marketer",
    Role.MANAGER: "Manager",
    Role.ADMIN: "Admin",
    Role.SERVICE: "Program",
}
"""What a user may do."""
MESSAGES: Final[Mapping[MessageState, str]] = {
    MessageState.SENDING: "On its way",
    MessageState.SENT: "Sent",
    MessageState.KEPT: "Written, not sent: no provider for this channel",
    MessageState.REFUSED: "Refused by the provider",
    MessageState.BOUNCED: "Came back",
    MessageState.WITHHELD: "Held back",
}
"""What became of a message."""
HELD_BACK: Final[Mapping[str, str]] = {
    "taken": "a person had the lead",
    "closed": "the lead was closed",
    "erased": "the person was erased",
    "unsubscribed": "they unsubscribed",
    "no_consent": "they did not allow this channel",
    "moot": "it was no longer wanted",
    "no_address": "there is no address",
    "no_template": "its template is missing",
    "condition_unmet": "it is for leads that did something else",
    "exited": "what the campaign was for has happened",
    "suppressed": "nothing may be sent to this address any more",
    "bounced": "it came back",
}
"""Why a message did not leave."""
CONSENTED: Final[Mapping[str, str]] = {
    "form": "In a form",
    "link": "By the link in a message",
    "complaint": "Called a message spam",
    "reply": "Answered STOP",
    "api": "Told by a program",
}
"""How a channel was allowed or stopped."""
MACHINES: Final[Mapping[str, str]] = {
    "scanner": " \u2013 a mail scanner, not a person: it does not count",
    "bot": " \u2013 a bot, not a person: it does not count",
}
"""What is said after what a machine did."""
SIGNS: Final[Mapping[str, str]] = {
    "user_agent": "its user agent is a machine's",
    "data_centre": "it came from a data centre",
    "too_fast": "it came sooner than anybody reads",
    "every_link": "it followed the links within seconds",
    "hidden_link": "it followed a link that nobody sees",
    "automated": "a program steers its browser",
}
"""What gave a machine away."""
PROVIDERS: Final[Mapping[str, str]] = {
    "email_domain": "the e-mail address",
    "location": "phone number and country",
    "site": "the company's site",
    "gdelt": "the news (GDELT)",
    "edgar": "SEC filings",
    "companies_house": "Companies House",
    "people_data_labs": "People Data Labs",
    "people_data_labs_person": "People Data Labs (people)",
    "apollo_person": "Apollo (people)",
    "hunter_person": "Hunter (people)",
}
"""Where a finding of enrichment comes from."""
WHY: Final[Mapping[str, str]] = {
    "slow": "No answer in time from",
    "failed": "No answer from",
    "over_budget": "Not asked yet, its budget is used up",
    "nothing_found": "Nothing found by",
    "not_configured": "Not configured",
}
"""Why a source has nothing to say, as the beginning of a sentence."""
SIGNALS: Final[Mapping[str, str]] = {
    "funding": "Funding",
    "hiring": "Hiring",
    "expansion": "Expansion",
    "leadership": "Leadership",
}
"""Kinds of buying signals."""
_CRITERIA: Final[Mapping[str, tuple[str, str]]] = {
    "budget_usd": ("Budget in US dollars", "They have the money for it"),
    "authority": ("Authority", "They can decide, or bring in who can"),
    "need": ("Need", "They have the problem that we solve"),
    "timeline_days": ("Days until they want to start", "They want it soon"),
    "readiness": ("Readiness", "They are ready to start"),
}
_FACTS: Final[Mapping[str, str]] = {
    "email_kind": "Kind of e-mail address",
    "timezone": "Time zone",
    "utm": "UTM",
    "verdict": "Whose doing",
    "sign": "Why",
    "revenue_usd": "Revenue in US dollars",
    "funding_usd": "Funding in US dollars",
}
_EMAIL_KINDS: Final[Mapping[str, str]] = {"free": "A free mailbox", "disposable": "A throw-away mailbox", "company": "A company's"}
_SIZES: Final[tuple[tuple[int, str], ...]] = ((86400, "d"), (3600, "h"), (60, "min"))
_CODE: Final = re.compile(r"[_.:\-\s]+")


def plain(code: str) -> str:
    """A name that somebody else gave, as words: `webinar_signup` is “Webinar signup”."""
    spaced = " ".join(_CODE.split(code)).strip() or code
    return spaced[:1].upper() + spaced[1:]


def fact(name: str) -> str:
    """What is known, by the name the policy knows it by."""
    return _FACTS.get(name) or plain(name)


def value(name: str, found: object) -> str:
    """What was found out, in words."""
    if isinstance(found, bool):
        return "Yes" if found else "No"
    if isinstance(found, int | float):
        return str(found) if name == "founded" else f"{found:,.12g}"
    if isinstance(found, list | tuple):
        return ", ".join(map(str, found))
    if isinstance(found, Mapping):
        return ", ".join(f"{fact(str(key))}: {value(str(key), item)}" for key, item in found.items())
    if name == "sign":
        return SIGNS.get(str(found), str(found))
    return _EMAIL_KINDS.get(str(found), str(found)) if name == "email_kind" else str(found)


def source_of(provider: str) -> str:
    """Where a finding comes from."""
    return PROVIDERS.get(provider) or plain(provider)


def criterion(name: str) -> str:
    """A criterion of the agreement, as the label of its field."""
    return _CRITERIA[name][0] if name in _CRITERIA else plain(name)


def means(name: str) -> str:
    """What a criterion asks, as a sentence beside its tick; its own name where nobody explained it."""
    return _CRITERIA[name][1] if name in _CRITERIA else plain(name)


def wanted(condition: Condition) -> str:
    """What the agreement asks of a criterion: “at least 10,000”."""
    number = _number(condition.value)
    said = {
        ">=": f"at least {number}",
        ">": f"more than {number}",
        "<=": f"at most {number}",
        "<": f"less than {number}",
        "!=": f"not {number}",
    }
    if condition.op == "=":
        return {"true": "yes", "false": "no"}.get(condition.value, number)
    return said[condition.op]


def _number(text: str) -> str:
    try:
        return f"{float(text.replace(',', '')):,.12g}"
    except ValueError:
        return text


def then(kind: DeadlineKind, policy: Policy) -> str:
    """What is due, and what happens when the clock runs out, with the figures of the agreement."""
    if kind is not DeadlineKind.MEAGER:
        return THEN[kind]
    meager = policy.deadlines.meager
    touches, channels = counted(meager.touches, "touch", "touches"), counted(meager.channels, "channel")
    return f"{touches} on {channels} are due by then. With fewer, the lead goes back to marketing."


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: “1 attempt”, “3 attempts”."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def money(amount: float) -> str:
    """An amount of dollars."""
    return f"${amount:,.0f}" if amount == int(amount) else f"${amount:,.2f}"


def span(length: timedelta) -> str:
    """How long something took, in its largest unit."""
    seconds = max(times.shown(length), 0.0)
    for size, unit in _SIZES:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
