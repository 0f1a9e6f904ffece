"""What each feature is about: features of one topic go into one sentence."""

import re
from typing import Final

_TOPICS: Final = (
    (r"did\.pages\.dwell.*", "dwell"),
    (r"did\.pages\.depth_.*", "depth"),
    (r"did\.pages\..*", "reading"),
    (r"did\.webinar\..*", "webinar"),
    (r"did\.media\..*", "media"),
    (r"did\.form\..*|did\.form_left_open", "form"),
    (r"did\.device\..*", "device"),
    (r"did\.channels?(?:\.|_|$).*", "channels"),
    (r"did\.(?:weekend|office_hours|night)_share|did\.last_(?:hour|weekday)", "hours"),
    (r"did\.(?:first|last|last_2|last_3|turns)", "order"),
    (r"did\.(?:pricing_after_case_study|demo_after_pricing|pricing_after_email)", None),
    (r"did\.acceleration", "pace"),
    (r"did\.case_study\.count", "case_study"),
    (r"did\.([a-z0-9_]+)\.(?:count.*|days)", "kind"),
    (r"did\..*", "activity"),
    (r"signal\.([a-z0-9_]+)\..*", "signal"),
    (r"signal\..*", "signals"),
    (r"title(?:\..*)?", "title"),
    (r"email\..*", "email"),
    (r"message|form\.message_words", "message"),
    (r"form\..*", "form_fields"),
    (r"visit\..*", "visit"),
)
"""Names of features and the topic they are part of; None is a topic of its own. The first that fits counts."""
_COMPILED: Final = tuple((re.compile(pattern), name) for pattern, name in _TOPICS)
_PREFIXES: Final = ("attributes.", "enrichment.", "company.", "assessment.")


def own_name(name: str) -> str:
    """A feature's name as its customer or provider knows it: `attributes.plan` is `plan`."""
    return next((name.removeprefix(prefix) for prefix in _PREFIXES if name.startswith(prefix)), name)


def called(name: str) -> str:
    """What a feature is about, in words that may stand in a list: “demo view”, “employees”."""
    about, _, which = topic(name).partition(":")
    return (which or own_name(about)).replace("_", " ").replace(".", " ")


def topic(name: str) -> str:
    """What a feature is about: features with the same answer go into one sentence."""
    for pattern, about in _COMPILED:
        found = pattern.fullmatch(name)
        if found:
            return name if about is None else f"{about}:{found[1]}" if pattern.groups and found[1] else f"{about}:"
    return name
