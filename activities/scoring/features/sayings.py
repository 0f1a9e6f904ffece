"""What a feature says of a lead, as a sentence. Features that one sentence is about share a topic."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from activities.scoring import phrases
from activities.scoring.features.known import Features
from activities.scoring.features.topics import own_name

Said = tuple[str, datetime | None]
"""A sentence, and when the latest engagement behind it was."""

_SPANS: Final = (("7d", "in 7 days"), ("30d", "in 30 days"), ("1d", "in a day"))
_SIGNS: Final = {"hiring": "is hiring", "funding": "got new funding", "expansion": "is expanding", "leadership": "has new leaders"}


def say(about: str, names: Sequence[str], features: Features, at: datetime) -> Said:
    """A topic as a sentence.

    Args:
        about: the topic.
        names: its features that count, the weightiest first.
        features: all of the lead.
        at: as of when.
    """
    kind, _, which = about.partition(":")
    if kind == "kind":
        return _kind(which, names[0], features, at)
    if kind == "signal":
        return _sign(which, features, at)
    teller = _TELLERS.get(kind)
    return teller(names, features, at) if teller else _plain(names[0], features)


def _number(features: Features, name: str) -> float | None:
    value = features.get(name)
    return None if isinstance(value, bool | str | datetime) or value is None else float(value)


def _ago(features: Features, name: str, at: datetime) -> datetime | None:
    """The moment that a feature says in days before now."""
    days = _number(features, name)
    return None if days is None else at - timedelta(days=days)


def _kind(kind: str, name: str, features: Features, at: datetime) -> Said:
    """How often they did something, in the span that matters most where it has any."""
    last, ever = _ago(features, f"did.{kind}.days", at), int(_number(features, f"did.{kind}.count") or 0)
    if last is None or not ever:
        return f"No {phrases.thing(kind)} yet", None
    asked = name.rpartition("count_")[2]
    spans = [span for span in _SPANS if span[0] == asked] or list(_SPANS[:2])
    counts = [(int(_number(features, f"did.{kind}.count_{span}") or 0), words) for span, words in spans]
    if asked in dict(_SPANS) and not counts[0][0]:
        return f"No {phrases.thing(kind)} {counts[0][1]}, the last on {phrases.day(last)}", last
    least = 1 if len(spans) == 1 else 2
    count, words = next(((count, words) for count, words in counts if count >= least), (ever, ""))
    return phrases.did(kind, count, last, words), last


def _activity(names: Sequence[str], features: Features, at: datetime) -> Said:
    count, last = int(_number(features, "did.count") or 0), _ago(features, "did.days", at)
    if last is None or not count:
        return "Has done nothing yet", None
    month = int(_number(features, "did.count_30d") or 0)
    if month == count:
        return f"{_times(count)}, the last on {phrases.day(last)}", last
    return f"{_times(count)}, {month} of them in 30 days, the last on {phrases.day(last)}", last


def _times(count: int) -> str:
    return "1 engagement" if count == 1 else f"{count:,} engagements"


def _pace(names: Sequence[str], features: Features, at: datetime) -> Said:
    pace = _number(features, "did.acceleration")
    week = int(_number(features, "did.count_7d") or 0)
    if pace is None:
        return "Has done nothing yet", None
    than = "more than" if pace > 1.25 else "less than" if pace < 0.8 else "as much as"
    return f"{_times(week)} this week, {than} in the weeks before", _ago(features, "did.days", at)


def _dwell(names: Sequence[str], features: Features, at: datetime) -> Said:
    ratio = _number(features, names[0]) or _number(features, "did.pages.dwell")
    if ratio is None:
        return "How long they read is not known", None
    how = f"{phrases.figure(round(ratio, 1))} times as long as others" if ratio >= 1.15 else "about as long as others"
    how = f"{100 * ratio:.0f} % of the time others take" if ratio < 0.85 else how
    return f"Reads pages {how}", None


def _depth(names: Sequence[str], features: Features, at: datetime) -> Said:
    depth = _number(features, names[0])
    most = "at most " if names[0].endswith("max") else ""
    return ("How far they read is not known" if depth is None else f"Reads pages {most}{100 * depth:.0f} % of the way down"), None


def _reading(names: Sequence[str], features: Features, at: datetime) -> Said:
    count, seconds = int(_number(features, "did.pages.count") or 0), _number(features, "did.pages.seconds")
    if not count:
        return "Has seen no page yet", None
    long = "" if seconds is None else f", {_span(seconds)} in all"
    return f"Saw {count:,} page{'' if count == 1 else 's'}{long}", None


def _span(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _watched(kind: str) -> Callable[[Sequence[str], Features, datetime], Said]:
    def tell(names: Sequence[str], features: Features, at: datetime) -> Said:
        share, when = _number(features, f"did.{kind}.share_max"), _ago(features, f"did.{kind}.days", at)
        title = features.get(f"did.{kind}.title")
        what = f"{phrases.quoted(phrases.short(str(title)))}" if title else "a webinar" if kind == "webinar" else "a film or recording"
        if share is None or when is None:
            return ("Has watched no webinar yet" if kind == "webinar" else "Has watched nothing yet"), None
        return f"Watched {100 * share:.0f} % of {what} on {phrases.day(when)}", when

    return tell


def _form(names: Sequence[str], features: Features, at: datetime) -> Said:
    if features.get("did.form_left_open") is True:
        return "Began a form and did not send it", None
    step = _number(features, "did.form.furthest_step")
    return ("Left no form open" if step is None else f"Came to step {step:.0f} of a form"), None


def _device(names: Sequence[str], features: Features, at: datetime) -> Said:
    share = _number(features, "did.device.mobile_share")
    if share is None:
        return "Their device is not known", None
    return (
        "Comes by phone" if share == 1 else "Never comes by phone" if share == 0 else f"Comes by phone {100 * share:.0f} % of the time"
    ), None


def _channels(names: Sequence[str], features: Features, at: datetime) -> Said:
    named = {"web": "the website", "email": "e-mail", "event": "events", "talk": "calls and chats"}
    used = [words for name, words in named.items() if _number(features, f"did.channel.{name}")]
    if not used:
        return "Came by no channel yet", None
    week = int(_number(features, "did.channels_most_7d") or 0)
    return f"Comes by {' and '.join(used)}" + (f", {week} of them within 7 days" if week > 1 else ""), None


def _hours(names: Sequence[str], features: Features, at: datetime) -> Said:
    name = names[0]
    share = _number(features, name)
    if name.endswith("_share") and share is not None:
        when = {"did.weekend_share": "at weekends", "did.office_hours_share": "in office hours", "did.night_share": "at night"}[name]
        return f"{100 * share:.0f} % of what they do is {when}", None
    if name == "did.last_weekday" and features.get(name):
        return f"Came last on a {features[name]}", _ago(features, "did.days", at)
    hour = _number(features, "did.last_hour")
    return ("At what hour they come is not known" if hour is None else f"Came last at {hour:.0f} o'clock, by their clock"), None


def _order(names: Sequence[str], features: Features, at: datetime) -> Said:
    turns = str(features.get("did.last_3") or features.get("did.last") or "")
    if not turns:
        return "Has done nothing yet", None
    said = ", then ".join(phrases.thing(kind) for kind in turns.split(" > "))
    return f"Did last: {said}", _ago(features, "did.days", at)


def _case_study(names: Sequence[str], features: Features, at: datetime) -> Said:
    count = int(_number(features, "did.case_study.count") or 0)
    return ("Has read no case study" if not count else f"Read {count} case stud{'y' if count == 1 else 'ies'}"), None


def _sign(kind: str, features: Features, at: datetime) -> Said:
    when = _ago(features, f"signal.{kind}.days", at)
    what = _SIGNS.get(kind, kind.replace("_", " "))
    if when is None:
        return f"No sign that the company {what}" if kind in _SIGNS else f"No sign of {what} at the company", None
    return (f"The company {what}" if kind in _SIGNS else f"At the company: {what}") + f" ({phrases.day(when)})", when


def _signs(names: Sequence[str], features: Features, at: datetime) -> Said:
    latest, when = features.get("signal.latest"), _ago(features, "signal.days", at)
    return _sign(str(latest), features, at) if latest and when else ("Nothing is known to happen at the company", None)


def _title(names: Sequence[str], features: Features, at: datetime) -> Said:
    title = features.get("title")
    if not title:
        return "No title known", None
    if features.get("title.budget_holder") is False:
        return f"No budget holder's title: {phrases.quoted(phrases.short(str(title)))}", None
    return phrases.fact("title", str(title)), None


def _email(names: Sequence[str], features: Features, at: datetime) -> Said:
    kind = features.get("email.kind")
    if names[0] == "email.ending" and features.get("email.ending"):
        return f"E-mail address ends in .{features['email.ending']}", None
    return phrases.fact("email", frozenset({str(kind)})) if kind else "No e-mail address known", None


def _message(names: Sequence[str], features: Features, at: datetime) -> Said:
    words = int(_number(features, "form.message_words") or 0)
    return ("Wrote no message" if not words else f"Wrote a message of {words:,} word{'' if words == 1 else 's'}"), None


def _form_fields(names: Sequence[str], features: Features, at: datetime) -> Said:
    if names[0] in {"form.phone", "form.company"}:
        what = "phone number" if names[0] == "form.phone" else "company"
        return f"{'Gave' if features.get(names[0]) is True else 'Gave no'} {'a ' if features.get(names[0]) is True else ''}{what}", None
    if names[0] == "form.consents":
        count = int(_number(features, "form.consents") or 0)
        return ("Allowed no channel" if not count else f"Allowed {count} channel{'' if count == 1 else 's'}"), None
    return f"Filled in {int(_number(features, 'form.fields') or 0)} of 6 fields of the form", None


def _visit(names: Sequence[str], features: Features, at: datetime) -> Said:
    value = features.get(names[0])
    what = names[0].removeprefix("visit.").removesuffix("_first").replace("utm_", "").replace("referrer", "site")
    first = " at first" if names[0].endswith("_first") else ""
    return (f"Where they come from is not known ({what})" if value is None else f"Came{first} by {what} {phrases.quoted(str(value))}"), None


_YES_OR_NO: Final = {
    "company.named_account": ("A named account", "No named account"),
    "did.pricing_after_case_study": ("Looked at the pricing after a case study", "Has not looked at the pricing after a case study"),
    "did.demo_after_pricing": ("Looked at the demo after the pricing", "Has not looked at the demo after the pricing"),
    "did.pricing_after_email": ("Looked at the pricing after an e-mail", "Has not looked at the pricing after an e-mail"),
}
_OWN: Final = {
    "company.founded": "Founded in {:.0f}",
    "lead.age_days": "Known for {:,.0f} days",
}


def _plain(name: str, features: Features) -> Said:
    """Any other feature, by its name: an attribute the customer brought, a finding, a fact of the company."""
    value = features.get(name)
    if name in _YES_OR_NO:
        return _YES_OR_NO[name][value is not True], None
    short = own_name(name)
    if value is None:
        return f"{phrases.label(short)} is not known", None
    if isinstance(value, datetime):
        return f"{phrases.label(short)}: {phrases.day(value)}", None
    return (_OWN[name].format(value) if name in _OWN else phrases.fact(short, value)), None


_TELLERS: Final[Mapping[str, Callable[[Sequence[str], Features, datetime], Said]]] = {
    "activity": _activity,
    "pace": _pace,
    "dwell": _dwell,
    "depth": _depth,
    "reading": _reading,
    "webinar": _watched("webinar"),
    "media": _watched("media"),
    "form": _form,
    "device": _device,
    "channels": _channels,
    "hours": _hours,
    "order": _order,
    "case_study": _case_study,
    "signals": _signs,
    "title": _title,
    "email": _email,
    "message": _message,
    "form_fields": _form_fields,
    "visit": _visit,
}
