"""Changing what a policy says in the text that people wrote, so that their comments, their order and their layout stay."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from models.policy.document import Policy
from models.policy.reading import PolicyError, parse_policy

_Edit = tuple[int, int, str]
"""From where to where, and what stands there then."""


def rewritten(source: str, wanted: Policy, *, today: date) -> str:
    """A policy's text so changed that it says what another one does: only what differs is written anew.

    Args:
        source: YAML that says something else.
        wanted: what it is to say.
        today: resolves public holidays into dates.

    Returns:
        The text; one without comments where it cannot be changed so, as with anchors.

    Raises:
        PolicyError: when the text is no policy.
    """
    before, after = _document(parse_policy(source, today=today)), _document(wanted.agreed)
    for lean in (True, False):
        text = _Text(source, lean).saying(before, after)
        if _says(text, after, today):
            return text
    return as_yaml(after)


def as_yaml(document: Mapping[str, Any]) -> str:
    """A document as YAML that reads back the same."""
    text: str = yaml.safe_dump(_plain(document, lean=False), sort_keys=False, allow_unicode=True, width=120)
    return text


def _document(policy: Policy) -> dict[str, Any]:
    """What people write of a policy: public holidays follow from `clock.holidays`."""
    found: dict[str, Any] = policy.model_dump(mode="json")
    found["clock"]["holiday_dates"] = [day.isoformat() for day in policy.clock.own_days]
    return found


def _says(text: str, after: Mapping[str, Any], today: date) -> bool:
    try:
        return _document(parse_policy(text, today=today)) == after
    except PolicyError:
        return False


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that is to say something else.

    Args:
        source: as it is.
        lean: of a key that it does not have, write only what differs from the defaults. Where a part has no defaults, as the points
            of the points table, that says too little.
    """

    source: str
    lean: bool

    def saying(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """The text with what differs written anew, from its end to its beginning."""
        root, text = yaml.compose(self.source, Loader=yaml.SafeLoader), self.source
        if root is None:
            return f"{text.rstrip()}\n{as_yaml(self._missing(before, after))}".lstrip()
        for start, end, written in sorted(self._edits(root, before, after, None), reverse=True):
            text = text[:start] + written + text[end:]
        return text

    def _edits(self, node: yaml.Node, before: Any, after: Any, key: yaml.Node | None) -> Iterator[_Edit]:
        """What to do to a node, which stands behind that key, so that it says what it is to say."""
        if before == after:
            return
        if isinstance(node, yaml.MappingNode) and isinstance(before, Mapping) and isinstance(after, Mapping) and after:
            yield from self._mapping(node, before, after, key)
        elif isinstance(node, yaml.SequenceNode) and isinstance(before, list) and isinstance(after, list) and after:
            yield from self._list(node, before, after)
        else:
            yield self._anew(node, self._flow(after), key)

    def _mapping(
        self, node: yaml.MappingNode, before: Mapping[str, Any], after: Mapping[str, Any], above: yaml.Node | None
    ) -> Iterator[_Edit]:
        kept = [(key, value) for key, value in node.value if key.value in after]
        known = {key.value for key, _ in kept}
        differ = {key: value for key, value in after.items() if key not in known and before.get(key) != value}
        added = [self._pair(key, self._missing(before.get(key), value)) for key, value in differ.items()]
        if not kept or (node.flow_style and (added or len(kept) < len(node.value))):
            parts = [self._part(key, value, before.get(key.value), after[key.value]) for key, value in kept]
            yield self._anew(node, "{" + ", ".join(parts + added) + "}", above)
            return
        for key, value in node.value:
            if key.value in after:
                yield from self._edits(value, before.get(key.value), after[key.value], key)
            else:
                yield self._line_begin(key.start_mark.index), self._line_end(self._end(value)), ""
        if added:
            at, indent = self._line_end(self._end(kept[-1][1])), " " * kept[0][0].start_mark.column
            lines = "".join(f"{indent}{pair}\n" for pair in added)
            yield at, at, lines if self.source[:at].endswith("\n") else f"\n{lines}"

    def _list(self, node: yaml.SequenceNode, before: list[Any], after: list[Any]) -> Iterator[_Edit]:
        """A list item by item; of one with more or fewer items those that say the same stay as they stand there."""
        if len(node.value) == len(after):
            for item, was, would in zip(node.value, before, after, strict=True):
                yield from self._edits(item, was, would, None)
            return
        stands = [(was, self._own(item)) for was, item in zip(before, node.value, strict=True)]
        items = [next((text for was, text in stands if was == item), self._flow(item)) for item in after]
        between = "\n" + " " * node.start_mark.column
        written = "[" + ", ".join(items) + "]" if node.flow_style else between.join(f"- {item}" for item in items)
        yield node.start_mark.index, self._end(node), written

    def _anew(self, node: yaml.Node, written: str, key: yaml.Node | None) -> _Edit:
        """A node in the line of its key, where it may have been a block below."""
        start, end = node.start_mark.index, self._end(node)
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and key is not None:
            return key.end_mark.index, end, f": {written}"
        return start, end, written if start < end else f" {written}"

    def _part(self, key: yaml.Node, value: yaml.Node, before: Any, after: Any) -> str:
        """A pair within braces, as it stands there where it says the same."""
        return self.source[key.start_mark.index : self._end(value)] if before == after else self._pair(key.value, after)

    def _own(self, node: yaml.Node) -> str:
        return self.source[node.start_mark.index : self._end(node)]

    def _end(self, node: yaml.Node) -> int:
        """Where a node's own text ends: a block's end mark stands behind the comments that follow it."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self.source[start:end].rstrip())

    def _line_begin(self, at: int) -> int:
        return self.source.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        """Behind the line's end, and so behind its comment."""
        found = self.source.find("\n", at)
        return len(self.source) if found < 0 else found + 1

    def _missing(self, before: Any, after: Any) -> Any:
        """What to write of a part that the text does not have."""
        if not (self.lean and isinstance(before, Mapping) and isinstance(after, Mapping)):
            return after
        return {key: self._missing(before.get(key), value) for key, value in after.items() if before.get(key) != value}

    def _flow(self, value: Any) -> str:
        """A value in one line, quoted as it must be within braces."""
        plain = [_plain(value, lean=self.lean)]
        text: str = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=2**31)
        return text.strip()[1:-1]

    def _pair(self, key: str, value: Any) -> str:
        return f"{self._flow(key)}: {self._flow(value)}"


def _plain(value: Any, *, lean: bool) -> Any:
    """As people write it: whole numbers without a point and, where it is to be lean, only what there is."""
    match value:
        case Mapping():
            return {key: _plain(part, lean=lean) for key, part in value.items() if part is not None or not lean}
        case list():
            return [_plain(part, lean=lean) for part in value]
        case float() if value.is_integer():
            return int(value)
    return value
