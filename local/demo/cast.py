"""Who plays in the demo: a sales team of different diligence, the companies they want, and the people who come by.

Every name is made up and every address ends in `.example`, which no mail ever reaches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class Temper:
    """How a rep goes about their leads. Shares are between 0 and 1.

    Args:
        eager: how likely they take a lead when they look at what is up for grabs.
        prompt: seconds (hours of the demo) until they make contact, from and to.
        forgets: the share of leads they take and never touch.
        returns: the share they hand back at once.
        persists: how many more touches they make before they conclude.
    """

    eager: float
    prompt: tuple[float, float]
    forgets: float = 0.0
    returns: float = 0.0
    persists: int = 2


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody on the team.

    Args:
        roles: what they may do.
        temper: of a rep.
    """

    name: str
    roles: tuple[str, ...]
    temper: Temper | None = None
    territories: tuple[str, ...] = ()
    timezone: str = "Europe/Berlin"

    @property
    def email(self) -> str:
        """How they sign in."""
        return f"{self.name.split()[0].lower()}@twoway.example"


REPS = (
    Colleague("Mara Jung", ("rep",), Temper(0.9, (3, 8)), ("DE", "AT", "CH")),
    Colleague("Jonas Weber", ("rep",), Temper(0.6, (5, 14), forgets=0.1), ("DE",)),
    Colleague("Aylin Demir", ("rep",), Temper(0.7, (4, 12), returns=0.15), ("DE", "TR")),
    Colleague("Tom Becker", ("rep",), Temper(0.8, (10, 22), forgets=0.6), ("DE", "NL")),
    Colleague("Chloé Martin", ("rep",), Temper(0.6, (4, 16), returns=0.1), ("FR", "BE"), "Europe/Paris"),
    Colleague("Priya Nair", ("rep",), Temper(0.7, (3, 10), persists=4), ("GB", "IN"), "Europe/London"),
    Colleague("Diego Ramos", ("rep",), Temper(0.5, (12, 23), forgets=0.25), ("ES", "PT", "US"), "Europe/Madrid"),
    Colleague("Hanna Lind", ("rep",), Temper(0.6, (4, 18), returns=0.3), ("SE", "DK", "NO"), "Europe/Stockholm"),
)
REVIEWER = Colleague("Ravi Shah", ("reviewer",), timezone="Europe/London")
MARKETER = Colleague("Nora Quist", ("marketer",), timezone="Europe/Copenhagen")
MANAGER = Colleague("Olga Petrova", ("manager",))
TEAM = (*REPS, REVIEWER, MARKETER, MANAGER)

ACCOUNTS = (
    ("Northwind Logistics", "northwind.example", "Mara Jung"),
    ("Halden Paper", "halden.example", "Hanna Lind"),
    ("Soleil Énergie", "soleil-energie.example", "Chloé Martin"),
    ("Castor Foods", "castorfoods.example", "Diego Ramos"),
)
"""Named accounts: company, domain, and whose."""

_COMPANIES = (
    ("Brückner & Söhne Maschinenbau", "brueckner.example", 640, "manufacturing", "DE"),
    ("Larkfield Health", "larkfield.example", 2100, "healthcare", "GB"),
    ("Tidewater Analytics", "tidewater.example", 85, "software", "US"),
    ("Aurora Textil", "auroratextil.example", 310, "textiles", "PT"),
    ("Kestrel Insurance", "kestrel.example", 1500, "insurance", "GB"),
    ("Möwe Reisen", "moewe.example", 45, "travel", "DE"),
    ("Vega Robotics", "vegarobotics.example", 190, "robotics", "SE"),
    ("Oak & Anvil Tools", "oakanvil.example", 12, "retail", "US"),
    ("Delta Grain Cooperative", "deltagrain.example", 260, "agriculture", "NL"),
    ("Lumen Optique", "lumenoptique.example", 70, "optics", "FR"),
    ("Granite Peak Credit Union", "granitepeak.example", 420, "banking", "US"),
    ("Pont Neuf Architectes", "pontneuf.example", 28, "construction", "FR"),
    ("St. Hedwig Schule", "hedwig.example", 60, "education", "DE"),
    ("Three Rivers Brewing", "threerivers.example", 3, "beverages", "US"),
)
_FIRST = (
    "Ada", "Björn", "Carmen", "Dmitri", "Elif", "Farah", "Giulia", "Henrik", "Ines", "Jamal", "Katarzyna", "Liam", "Mei", "Nadia",
    "Oscar", "Paula", "Quentin", "Rosa", "Samir", "Tove", "Umut", "Valérie", "Wanda", "Yusuf", "Zoë", "ليلى",
)  # fmt: skip
_LAST = (
    "Alvarez", "Baker", "Castellano", "Dietrich", "Eriksen", "Fontaine", "Grant", "Haas", "Ivanova", "Jensen", "Keller", "Lopes",
    "Mbeki", "Novak", "Okafor", "Pereira", "Quinn", "Rossi", "Sørensen", "Tanaka", "Underwood", "Vogel", "Wójcik", "Zhang",
    "von und zu Hohenfels-Reichenbach", "حداد",
)  # fmt: skip
_TITLES = (
    ("VP Sales", 2), ("Head of Operations", 2), ("CTO", 1), ("Director of Marketing", 3), ("IT Director", 3), ("Purchasing Manager", 6),
    ("Project Lead", 6), ("Analyst", 6), ("Student", 3), ("Office Manager", 4), (None, 3),
)  # fmt: skip
_SOURCES = (("webinar", 4), ("search", 5), ("fair", 2), ("referral", 2), ("newsletter", 3), ("linkedin", 3))
_CAMPAIGNS = ("spring-launch", "logistics-week", "pricing-guide", None)
_INTERESTS = ("automation", "reporting", "integration", None)
_MESSAGES = (
    "Could you show us how this works with our warehouse system?",
    "We are comparing three vendors and would decide this quarter.",
    "Just looking around for now.",
    None,
    None,
)
_FREE = ("gmail.com", "outlook.com", "web.de")


def _weighted(chance: Random, options: tuple[tuple[Any, int], ...]) -> Any:
    return chance.choices([option for option, _ in options], [weight for _, weight in options])[0]


def prospects(chance: Random, visit: str) -> Iterator[dict[str, Any]]:
    """People who fill in a form, without end, as `POST /api/leads` takes them.

    Args:
        chance: the same seed, the same people.
        visit: makes their addresses differ from those of an earlier run.
    """
    for number in count():
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        form: dict[str, Any] = {"first_name": first, "last_name": last, "title": _weighted(chance, _TITLES)}
        mailbox = f"{visit}{number}"
        if chance.random() < 0.07:
            company, domain, _ = chance.choice(ACCOUNTS)
            form |= {"email": f"{mailbox}@{domain}", "company": company}
        elif chance.random() < 0.16:
            form["email"] = f"{mailbox}.twoway-demo@{chance.choice(_FREE)}"  # nobody's company: somebody has to look
        else:
            company, domain, employees, industry, country = chance.choice(_COMPANIES)
            attributes = {"employees": employees, "industry": industry}
            form |= {"email": f"{mailbox}@{domain}", "company": company, "country": country, "attributes": attributes}
        form |= {"source": _weighted(chance, _SOURCES), "campaign": chance.choice(_CAMPAIGNS), "interest": chance.choice(_INTERESTS)}
        form |= {"message": chance.choice(_MESSAGES), "consultation_requested": chance.random() < 0.04}
        form |= {"consent": {"email": chance.random() < 0.85}, "anonymous_id": f"visitor-{mailbox}"}
        yield form
