"""What prospects do, in words: one sentence each, and nouns to count them by.

The kinds are the senders' own, so any may come; one that nobody foresaw is read out as it is written.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.board.words import counted, plain


@dataclass(frozen=True, slots=True)
class Doing:
    """A kind of engagement in words.

    Args:
        sentence: what they did.
        one, many: nouns to count by; empty for a kind nobody foresaw.
        icon: its symbol.
        small: so slight and frequent that several in a row are told as one.
    """

    sentence: str
    one: str
    many: str
    icon: str = "eye"
    small: bool = True


KNOWN: Final[Mapping[str, Doing]] = {
    "page_view": Doing("Viewed a page", "page view", "page views"),
    "pricing_view": Doing("Viewed the pricing", "pricing view", "pricing views"),
    "demo_view": Doing("Watched the demo", "demo view", "demo views"),
    "page_stay": Doing("Stayed on a page", "longer look at a page", "longer looks at pages"),
    "media_progress": Doing("Watched a video", "video watched", "videos watched", "play"),
    "form_step": Doing("Began a form", "form begun", "forms begun", "form"),
    "email_opened": Doing("Opened an e-mail", "e-mail opened", "e-mails opened", "mail"),
    "email_clicked": Doing("Clicked a link in an e-mail", "click in an e-mail", "clicks in e-mails", "mail"),
    "whitepaper_download": Doing("Downloaded a white paper", "white paper downloaded", "white papers downloaded", "file", small=False),
    "webinar_registered": Doing("Signed up for a webinar", "webinar sign-up", "webinar sign-ups", "play", small=False),
    "webinar_attended": Doing("Watched a webinar", "webinar watched", "webinars watched", "play", small=False),
    "assessment_completed": Doing("Finished an assessment", "assessment finished", "assessments finished", "check", small=False),
    "form_submitted": Doing("Sent a form", "form sent", "forms sent", "form", small=False),
    "consultation_requested": Doing("Asked for a consultation", "consultation asked for", "consultations asked for", "star", small=False),
    "demo_requested": Doing("Asked for a demo", "demo asked for", "demos asked for", "star", small=False),
    "contact_requested": Doing("Asked to be contacted", "call-back asked for", "call-backs asked for", "star", small=False),
    "reply": Doing("Replied to an e-mail", "reply", "replies", "mail", small=False),
    "unsubscribe": Doing("Unsubscribed", "unsubscribe", "unsubscribes", "cross", small=False),
    "email_bounced": Doing("An e-mail to them bounced", "e-mail bounced", "e-mails bounced", "cross", small=False),
    "email_hidden_link": Doing("Followed a link that nobody sees", "hidden link followed", "hidden links followed", "mail"),
    "complaint": Doing("Reported an e-mail as spam", "spam complaint", "spam complaints", "cross", small=False),
}
_SUBJECTS: Final = ("title", "page", "path", "url", "topic", "name", "subject")
"""Properties that say what it was about, the most telling first."""
_LONGEST: Final = 120


def doing(kind: str) -> Doing:
    """A kind of engagement in words, whoever made it up."""
    if kind in KNOWN:
        return KNOWN[kind]
    return Doing(plain(kind), "", "")


def subject(properties: Mapping[str, Any]) -> str | None:
    """What it was about, where its sender said so."""
    found = next((properties[name] for name in _SUBJECTS if isinstance(properties.get(name), str) and properties[name].strip()), None)
    return None if found is None else found.strip() if len(found.strip()) <= _LONGEST else f"{found.strip()[:_LONGEST]}…"


def tally(kind: str, count: int) -> str:
    """How often they did it: “3 page views”."""
    known = doing(kind)
    if known.one:
        return counted(count, known.one, known.many)
    said = known.sentence[:1].lower() + known.sentence[1:]
    return said if count == 1 else f"{said}, {count:,} times"


def tallied(kinds: Counter[str]) -> str:
    """Several kinds counted: “5 page views and 2 pricing views”."""
    *some, last = (tally(kind, count) for kind, count in kinds.most_common())
    return f"{', '.join(some)} and {last}" if some else last


def told(kind: str, count: int) -> str:
    """The same, standing by itself."""
    said = tally(kind, count)
    return said[:1].upper() + said[1:]
