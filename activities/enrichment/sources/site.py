"""The company's own web site."""

import asyncio
import csv
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from urllib.parse import urljoin, urlsplit

from activities.enrichment.cleaning import line
from activities.enrichment.provider import Answer, Budget, Company, Findings, Rank, Source
from activities.outward import Document

_CAREERS = re.compile(r"\b(careers?|jobs?|karriere|stellen|join[- ]us|work[- ]with[- ]us|open[- ](roles|positions))\b", re.IGNORECASE)
_BOARDS = {
    "greenhouse_board": re.compile(r"(?:boards|job-boards)(?:\.eu)?\.greenhouse\.io/(?:embed/job_board(?:/js)?\?for=)?([A-Za-z0-9_-]+)"),
    "lever_board": re.compile(r"jobs(?:\.eu)?\.lever\.co/([A-Za-z0-9_-]+)"),
}
_MOST_TEXT = 300


class Site(Source[Company]):
    """Finds `website`, `company` (as the page calls itself), `site_title`, `description`, `technologies` by fingerprints of our own
    (`technologies.csv`), `careers_page`, and which job board is linked.
    """  # noqa: D205 - one sentence

    name = "site"
    rank = Rank.SITE
    shared: ClassVar[bool] = False
    budget = Budget(per_minute=600, burst=50)

    async def ask(self, who: Company) -> Answer | None:
        """Read the front page, with https first."""
        if who.domain is None:
            return None
        found = await self.web.page(self._front(who.domain, "https"))
        if found is None:
            found = await self.web.page(self._front(who.domain, "http"))
        return None if found is None else Answer(await asyncio.to_thread(facts_of_page, found), confidence=0.9)

    def _front(self, domain: str, scheme: str) -> str:
        return self.address.replace("{domain}", domain) if self.address else f"{scheme}://{domain}/"


def facts_of_page(page: Document) -> Findings:
    """What a front page tells."""
    read = _Reader()
    read.feed(page.text)
    read.close()
    facts: Findings = {"website": f"{page.url.scheme}://{page.url.host}"}
    name = read.meta.get("og:site_name") or read.meta.get("application-name")
    if name:
        facts["company"] = line(name, 100)
    title = line(read.title, _MOST_TEXT)
    if title:
        facts["site_title"] = title
    description = line(read.meta.get("description") or read.meta.get("og:description") or "", _MOST_TEXT)
    if description:
        facts["description"] = description
    technologies = list(_technologies(page))
    if technologies:
        facts["technologies"] = technologies
    careers = _careers(read.links, str(page.url))
    if careers:
        facts["careers_page"] = careers
    for fact, pattern in _BOARDS.items():
        board = pattern.search(page.text)
        if board:
            facts[fact] = board[1].lower()
    return facts


class _Reader(HTMLParser):
    """Title, meta and links of a page; whatever is broken in it is passed over."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.meta: dict[str, str] = {}
        self.links: list[tuple[str, str]] = []
        self._in_title = False
        self._href: str | None = None
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "title":
            self._in_title = not self.title
        elif tag == "meta":
            key = (said.get("name") or said.get("property") or "").lower()
            if key and said.get("content"):
                self.meta.setdefault(key, said["content"])
        elif tag == "a" and said.get("href"):
            self._href, self._text = said["href"], []

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        if self._href is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag == "a" and self._href is not None:
            self.links.append((self._href, " ".join(self._text)))
            self._href = None


def _careers(links: list[tuple[str, str]], page: str) -> str | None:
    for href, text in links:
        try:
            address = urljoin(page, href)
            parts = urlsplit(address)
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and (_CAREERS.search(text) or _CAREERS.search(parts.path.replace("/", " "))):
            return address[:500]
    return None


def _technologies(page: Document) -> Iterator[str]:
    headers = "\n".join(f"{name}: {value}" for name, value in page.headers.items()).lower()
    html = page.text.lower()
    for technology, where, pattern in _fingerprints():
        if pattern.search(headers if where == "header" else html):
            yield technology


@cache
def _fingerprints() -> list[tuple[str, str, re.Pattern[str]]]:
    with Path(__file__).with_name("technologies.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [(technology, where, re.compile(",".join(pattern))) for technology, where, *pattern in rows]
