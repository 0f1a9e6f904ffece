"""Where a browser may be sent on to."""

_FIRST_VISIBLE, _DELETE = "!", "\x7f"
_LONGEST = 2000


def local_path(wanted: str) -> str:
    """A path on this site to go on to; the front page for anything that could lead elsewhere.

    Browsers read a backslash as a slash and drop tabs and line breaks, so paths that hold any of these are not followed.
    """
    plain = "\\" not in wanted and all(_FIRST_VISIBLE <= letter != _DELETE for letter in wanted) and len(wanted) <= _LONGEST
    here = wanted.startswith("/") and not wanted.startswith(("//", "/login", "/logout"))
    return wanted if plain and here else "/"
