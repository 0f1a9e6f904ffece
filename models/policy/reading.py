"""From a file, or from what was stored, to a policy; what is wrong is told by key and line."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import (
    ValidationError,
)

from models.policy.document import Policy, Terms


class PolicyError(ValueError):
    """A policy that cannot be used.

    Attributes:
        problems: one sentence each, naming the key, the line where there is one, and what is wrong.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def parse_policy(text: str, *, today: date, source: str = "policy") -> Policy:
    """Read and check a policy.

    Args:
        text: YAML.
        today: resolves public holidays into dates, from last year on.
        source: what to call the text in errors.

    Raises:
        PolicyError: naming every key that is unknown or impossible, with its line.
    """
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as err:
        raise PolicyError([f"{source}: not YAML: {' '.join(str(err).split())}"]) from None
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise PolicyError([f"{source}: a policy is a mapping of keys, not {type(data).__name__}"])
    repeated = [f"{source}, line {line}: {key}: this key is here twice" for key, line in _repeated_keys(tree)]
    if repeated:
        raise PolicyError(repeated)
    try:
        policy = Policy.model_validate(data)
    except ValidationError as err:
        raise PolicyError([_problem(source, tree, error) for error in err.errors()]) from None
    return policy.agreed.model_copy(update={"clock": policy.clock.resolved(today)})


def load_policy(path: Path, *, today: date) -> Policy:
    """Read a policy file.

    Raises:
        PolicyError: when it cannot be read or does not validate.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise PolicyError([f"{path}: cannot be read: {err}"]) from None
    return parse_policy(text, today=today, source=str(path))


@lru_cache(maxsize=64)
def stored_policy(version: int, document: str) -> Policy:
    """A policy as it was stored or handed to a workflow, parsed once a process.

    Args:
        version: its number.
        document: the JSON that `Policy.model_dump_json` wrote.
    """
    return Policy.model_validate_json(document).numbered(version)


@lru_cache(maxsize=64)
def stored_terms(document: str) -> Terms:
    """The terms that `Policy.terms` wrote, parsed once a process.

    Args:
        document: JSON.
    """
    return Terms.model_validate_json(document)


def _repeated_keys(node: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[str, int]]:
    if node in above:
        return
    above = (*above, node)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated_keys(value, above)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item, above)


def _problem(source: str, tree: Any, error: Mapping[str, Any]) -> str:
    loc = [part for part in error["loc"] if not str(part).startswith(("function-", "literal[", "dict[", "constrained"))]
    name = ".".join(str(part) for part in loc) or "policy"
    if error["type"] == "extra_forbidden":
        message = "unknown key"
    else:
        message = error["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
    line = _line_of(tree, loc)
    return f"{source}{f', line {line}' if line else ''}: {name}: {message}"


def _line_of(node: Any, loc: list[Any]) -> int | None:
    """The line on which the deepest part of a path that the file has stands."""
    line: int | None = None
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
