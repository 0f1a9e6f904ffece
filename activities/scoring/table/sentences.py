"""Names, texts and numbers of a table as people read them."""

_LONGEST = 60


def label(name: str) -> str:
    """A column's name as words."""
    words = name.replace("_", " ").replace(".", " ").strip()
    return short(f"{words[:1].upper()}{words[1:]}")


def short(text: str) -> str:
    """A text on one line, cut where it is long."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}…"


def figure(value: float) -> str:
    """A number with no more digits than say something."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"
