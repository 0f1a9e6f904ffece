"""What a job title says: how senior somebody is, and what they do."""

import re
from functools import lru_cache
from typing import Final

_LEVELS: Final = (
    (
        "student",
        0,
        r"student\w*|pupil|trainee|intern|internship|praktikant\w*|werkstudent\w*|apprentice|auszubildende\w*|stagiaire|becari[oa]",
    ),
    (
        "chief",
        6,
        r"c[a-z]{1,2}o|chief|owner|founder|co-?founder|president|managing director|md|managing partner|gesch\w*ftsf\w*hrer\w*|"
        r"inhaber\w*|vorstand\w*|pdg|g[ée]rant\w*|directeur g[ée]n[ée]ral|director general|fundador\w*|propietari[oa]|ceo",
    ),
    ("vice_president", 5, r"(?:[aes]?vp)|vice[ -]president|vice[ -]pr[ée]sident\w*|vicepresident[ea]?"),
    ("head", 4, r"head|leiter\w*|bereichsleiter\w*|responsable|jef[ea]|principal"),
    ("director", 4, r"director|direktor\w*|directeur|directrice|directora?"),
    ("manager", 3, r"manager\w*|mgr|lead|leader|supervisor|teamleiter\w*|gerente|chef|partner"),
    ("junior", 1, r"junior|jr|assistant|assistent\w*|asistente"),
    ("senior", 2, r"senior|sr|staff|expert\w*|architect\w*|consultant"),
)
_ORDER: Final = ("student", "vice_president", "chief", "head", "director", "manager", "junior", "senior")
"""Which level counts where a title names several: a "Vice President" is no president, a "Director's assistant" no director."""
_FUNCTIONS: Final = (
    ("marketing", r"marketing|growth|brand|demand|content|seo|communications?|pr|kommunikation"),
    ("sales", r"sales|vertrieb\w*|account executive|business development|revenue|commercial|ventes|ventas|cro|sdr|bdr"),
    (
        "technology",
        r"it|technology|technical|engineer\w*|engineering|developer|software|data|information|security|devops|cto|cio|ciso|"
        r"entwickl\w*|architect\w*|infrastructure|informatik\w*|informatique",
    ),
    ("finance", r"financ\w*|finanz\w*|accounting|accountant|controller|controlling|treasur\w*|cfo|audit\w*|buchhalt\w*"),
    ("people", r"hr|human resources|people|talent|recruit\w*|personal|chro|payroll|rrhh"),
    ("purchasing", r"procurement|purchas\w*|buyer|sourcing|eink\w*uf\w*|achats|compras|supply"),
    ("operations", r"operations?|logistics?|production|manufacturing|plant|coo|office|facility|facilities|betrieb\w*|produktion"),
    ("product", r"product|ux|design\w*|cpo|produkt\w*"),
    ("legal", r"legal|counsel|lawyer|compliance|clo|juris\w*|recht\w*"),
    ("customer", r"customer|support|service|success|kunden\w*"),
    ("education", r"professor|teacher|lecturer|research\w*|student\w*|scientist"),
    ("general", r"ceo|owner|founder|co-?founder|president|managing director|general manager|gesch\w*ftsf\w*hrer\w*|inhaber\w*|partner"),
)
RANKS: Final = {name: rank for name, rank, _ in _LEVELS}
"""How high each level is, 0 to 6; `staff`, whom no word ranks, is 2."""


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


_SENIORITY = {name: _words(pattern) for name, _, pattern in _LEVELS}
_FUNCTION = tuple((name, _words(pattern)) for name, pattern in _FUNCTIONS)
_HELPS = _words(r"assistant|assistent\w*|asistente|secretary|pa")


@lru_cache(maxsize=8192)
def seniority(title: str) -> str:
    """The level a title is of: one of `RANKS`, or `staff`."""
    if _HELPS.search(title) and not _SENIORITY["vice_president"].search(title):
        return "junior"
    return next((name for name in _ORDER if _SENIORITY[name].search(title)), "staff")


@lru_cache(maxsize=8192)
def function(title: str) -> str | None:
    """What somebody with this title does; None when it does not say."""
    return next((name for name, pattern in _FUNCTION if pattern.search(title)), None)
