"""The snippet as it is served: `t.js` without what only its readers need, its comments and spaces. Its words stay as they are."""

import re
from hashlib import sha256
from pathlib import Path

_TEXT = re.compile(r'("[^"]*")')
_SPACES = re.compile(r" *([-+=<>?:;,(){}\[\]|&!/]) *")


def _plain(line: str) -> str:
    """A line without the spaces around its signs; texts are left alone."""
    parts = _TEXT.split(line.strip())
    return "".join(part if number % 2 else _SPACES.sub(r"\1", part) for number, part in enumerate(parts))


_LINES = Path(__file__).with_name("t.js").read_text("utf-8").splitlines()
_BREAKS = re.compile(r"(?<=[;{,])\n|[;,]?\n(?=})")
SERVED = _BREAKS.sub("", "\n".join(_plain(line) for line in _LINES if line.strip() and not line.strip().startswith("//"))).encode()
"""At most 4 kB. Only those line breaks go that end no statement."""
ETAG = f'"{sha256(SERVED).hexdigest()[:16]}"'
