"""What is made of visits, of signals that may be a machine's, and of the answers people give to interactive tools."""

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from models.policy.base import Rules, Span
from models.rules import compile_pattern, compile_words, requirement

Told = Literal["budget_usd", "authority", "need", "timeline_days", "readiness"]
"""What an answer may tell of a lead: facts of these names."""
ANSWER = "answer"
"""As a value: the answer itself."""


def _host(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9.-]+(:\d+)?", value):
        raise ValueError(f"{value!r} is not a host: write it as www.example.com, without https:// and in lower case")
    return value


class Tracking(Rules):
    """The website's visitors.

    Attributes:
        sites: hosts that the snippet runs on. Personal links of our mails name the visitor there, and events of other sites are
            refused; with none named, any site may send, and mails' links name nobody.
        identify: whether `twoway("identify", …)` is listened to. Anybody can claim any address there.
        pages: kinds of engagement, by the paths whose view is one; `*` stands for anything. Others are `page_view`.
    """

    sites: tuple[Annotated[str, AfterValidator(_host)], ...] = ()
    identify: bool = True
    pages: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")], tuple[str, ...]] = {
        "pricing_view": ("/pricing*", "/prices*"),
        "demo_view": ("/demo*",),
    }

    def kind_of(self, path: str) -> str:
        """Which kind of engagement a view of this page is."""
        found = path.lower()
        return next((kind for kind, paths in self.pages.items() if any(fnmatchcase(found, one.lower()) for one in paths)), "page_view")


class Signals(Rules):
    """What gives a machine away, beside the patterns and addresses that come with the program.

    Attributes:
        after_sending: an open or a click sooner than this after the mail was sent is a scanner's.
        every_link_within: every link of a mail (or three) followed within this long is a scanner's doing.
        data_centres: whether signals from the data centres' known addresses are taken for a machine's.
        agents: further patterns of user agents of machines.
        networks: further address ranges of machines.
        people: address ranges that are people's, though a data centre's: those of a company's own way out, for example.
    """

    after_sending: Span = timedelta(seconds=10)
    every_link_within: Span = timedelta(seconds=10)
    data_centres: bool = True
    agents: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    @cached_property
    def document(self) -> str:
        """These rules as JSON, which tells them from others."""
        return self.model_dump_json()

    @field_validator("agents")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            compile_pattern(pattern)
        return value

    @field_validator("networks", "people")
    @classmethod
    def _ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network)
        return value


def _in_words(value: Any) -> Any:
    """YAML takes yes, no and 50 for something else than words; as answers they are words."""
    if not isinstance(value, dict):
        return value
    return {("yes" if key else "no") if isinstance(key, bool) else str(key): told for key, told in value.items()}


Answers = Annotated[dict[str, dict[Told, bool | float | str]], BeforeValidator(_in_words)]
"""A pattern or comparison (`>=50`) that the answer matches, or `*` for any, and what it tells; the first that matches counts."""


def _checked(value: dict[str, dict[str, Answers]]) -> dict[str, dict[str, Answers]]:
    for questions in value.values():
        for answers in questions.values():
            for answer in answers:
                if re.match(r"\s*[<>=!]", answer):
                    requirement("it", answer)
                elif answer != "*":
                    compile_words(answer)
    return value


Assessments = Annotated[dict[str, dict[str, Answers]], AfterValidator(_checked)]
"""Interactive tools by name, their questions by name, and what the answers tell."""
