"""What is known of a lead, and what it did, as phrases a rep understands. The points table and models speak the same."""

from datetime import datetime
from typing import Final

from activities.scoring.features.titles import seniority
from models.rules import FactValue

_LONGEST: Final = 80
_THINGS: Final = ("view", "visit", "download", "click", "open", "request", "reply", "search", "form")
_TITLES: Final = {
    "chief": "Runs the company, by the title",
    "vice_president": "Vice president in the title",
    "head": "Head of a department in the title",
    "director": "Director in the title",
    "manager": "Manager in the title",
    "senior": "Senior, but no manager, in the title",
    "junior": "Junior in the title",
    "student": "Still learning, by the title",
    "staff": "No manager in the title",
}
"""What a title of each level of `titles.RANKS` says."""
_MAIL: Final = {
    "company": "Writes from a company's address",
    "free": "Writes from a free mailbox",
    "disposable": "Writes from a throw-away mailbox",
}
_AMOUNTS: Final = {
    "employees": "{} employees",
    "company_size": "{} employees",
    "headcount": "{} employees",
    "number_of_employees": "{} employees",
    "employee_count": "{} employees",
    "revenue": "Revenue of {} a year",
    "annual_revenue": "Revenue of {} a year",
    "revenue_usd": "Revenue of ${} a year",
    "annual_revenue_usd": "Revenue of ${} a year",
    "budget_usd": "Budget of ${}",
    "timeline_days": "Wants to decide within {} days",
}
_WORDS: Final = {
    "company": "Works for {}",
    "industry": "Industry: {}",
    "country": "Country: {}",
    "source": "Came from {}",
    "campaign": "Campaign {}",
    "interest": "Interested in {}",
    "technologies": "Uses {}",
}
_YES_OR_NO: Final = {
    "authority": ("May decide about buying", "May not decide about buying"),
    "need": ("Has the need", "Does not have the need"),
}
_KINDS: Final = {
    "pricing_view": "pricing page view",
    "email_opened": "e-mail opened",
    "email_clicked": "click in an e-mail",
    "demo_requested": "demo request",
    "consultation_requested": "consultation request",
    "contact_requested": "call-back request",
    "form_step": "step of a form",
    "form_submitted": "form sent",
    "assessment_completed": "assessment finished",
}
_MANY: Final = {
    "email_opened": "e-mails opened",
    "email_clicked": "clicks in e-mails",
    "form_step": "steps of forms",
    "form_submitted": "forms sent",
    "assessment_completed": "assessments finished",
}
_ONE: Final = {"webinar_attended": "webinar visit", "media_progress": "film or recording watched"}


def fact(name: str, value: FactValue) -> str:
    """A fact as a phrase: “640 employees”, “Vice president in the title: “VP Sales””.

    Args:
        name: as a policy calls it.
        value: what it is; known.
    """
    last = name.rpartition(".")[2]
    if isinstance(value, bool):
        return _YES_OR_NO[last][not value] if last in _YES_OR_NO else f"{label(name)}: {'yes' if value else 'no'}"
    if isinstance(value, frozenset):
        if name == "email" and len(value) == 1:
            return _MAIL.get(next(iter(value)), f"E-mail: {next(iter(value))}")
        said = ", ".join(sorted(value))
        return _WORDS[last].format(short(said)) if last in _WORDS else f"{label(name)}: {short(said)}"
    if isinstance(value, int | float):
        return _AMOUNTS[last].format(figure(value)) if last in _AMOUNTS else f"{label(name)}: {figure(value)}"
    said = short(str(value))
    if last == "title":
        return f"{_TITLES[seniority(said)]}: {quoted(said)}"
    if last in _AMOUNTS:
        return _AMOUNTS[last].format(said)
    return _WORDS[last].format(quoted(said)) if last in _WORDS else f"{label(name)}: {quoted(said)}"


def did(kind: str, count: int, last: datetime, within: str = "") -> str:
    """What a lead did, with a date that stays true however long the sentence is kept.

    Args:
        kind: of engagement.
        count: how often; at least once.
        last: when the latest was.
        within: in which time, as “in 7 days”; empty for ever.
    """
    what = named(kind)
    when = day(last)
    if count == 1:
        return f"{capital(what)} on {when}"
    span = f" {within}" if within else ""
    if kind in _MANY:
        return f"{count:,} {_MANY[kind]}{span}, the last on {when}"
    if what.endswith(_THINGS):
        return f"{count:,} {many(what)}{span}, the last on {when}"
    return f"{capital(what)} {count:,} times{span}, the last on {when}"


def thing(kind: str) -> str:
    """One engagement of a kind: “pricing page view”, so that “no” may stand before it."""
    return _ONE.get(kind) or named(kind)


def one_more(kind: str, before: bool) -> str:
    """An engagement that might come: “a pricing page view”, or “another” after one `before`."""
    what = thing(kind)
    return f"{'another' if before else 'an' if what[:1] in 'aeiou' else 'a'} {what}"


def named(kind: str) -> str:
    """A kind of engagement in words."""
    return _KINDS.get(kind, kind.replace("_", " "))


def many(what: str) -> str:
    """The plural of a thing somebody does."""
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}es" if what.endswith("ch") else f"{what}s"


def day(at: datetime) -> str:
    """A date: “12 May 2026”."""
    return f"{at.day} {at:%b %Y}"


def figure(value: float) -> str:
    """A number as people write it: 1,200 or 0.25."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.2g}"


def label(name: str) -> str:
    """A name as a heading: `crm.stage_name` is “Crm stage name”."""
    return short(capital(name.replace("_", " ").replace(".", " ").strip()))


def capital(words: str) -> str:
    """The same words, beginning a sentence."""
    return f"{words[:1].upper()}{words[1:]}"


def quoted(words: str) -> str:
    """Somebody's own words."""
    return f"\u201c{words}\u201d"


def short(words: str) -> str:
    """The same on one line, cut where it gets long."""
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}\u2026"
