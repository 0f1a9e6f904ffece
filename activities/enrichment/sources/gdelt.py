"""News, from GDELT's DOC 2.0 API: the last three months of online news, without a key, one question every five seconds."""

from datetime import UTC, datetime

from pydantic import BaseModel

from activities.enrichment.cleaning import line
from activities.enrichment.naming import called, label_of, name_key
from activities.enrichment.provider import Answer, Budget, Company, News, Source
from activities.enrichment.sources.words import kind_of, names

_SEEN = "%Y%m%dT%H%M%SZ"
_SHORTEST = 4
"""Letters of a name: GDELT refuses shorter ones, and they would name others too."""
_CONFIDENCE, _BY_DOMAIN = 0.6, 0.4
"""That a headline is about the company, by its name or only by its domain's."""


class _Article(BaseModel):
    url: str
    title: str
    seendate: str


class _News(BaseModel):
    articles: list[_Article] = []


class Gdelt(Source[Company]):
    """Tells funding, hiring, expansion and changes of leadership by headlines that name the company."""

    name = "gdelt"
    url = "https://api.gdeltproject.org"
    by_name = True
    follows = True
    budget = Budget(per_minute=12, burst=1)

    async def ask(self, who: Company) -> Answer | None:
        """Search by the company's name, else by its domain's."""
        known = called(who)
        name = name_key(known or (label_of(who.domain) if who.domain else ""))
        if len(name) < _SHORTEST:
            return None
        params = {"query": f'"{name}" sourcelang:english', "mode": "artlist", "format": "json", "maxrecords": 75, "timespan": "3months"}
        found = await self.web.get(f"{self.address}/api/v2/doc/doc", _News, {**params, "sort": "datedesc"})
        news = [] if found is None else [item for article in found.articles if (item := _news(article, name))]
        return Answer({}, tuple(news), _CONFIDENCE if known else _BY_DOMAIN) if news else None


def _news(article: _Article, name: str) -> News | None:
    title = line(article.title)
    kind = kind_of(title)
    if kind is None or not names(title, name):
        return None
    try:
        at = datetime.strptime(article.seendate, _SEEN).replace(tzinfo=UTC)
    except ValueError:
        return None
    return News(kind, at, title, article.url, key=name_key(title))
