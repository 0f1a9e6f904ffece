"""Where a request comes from: the one place that tells our own pages from other sites'.

A browser sends the session cookie along with whatever page asks it to, so an unsafe request that is authenticated by
cookie has to come from one of our pages. The browser itself says so, in headers that no page can forge.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api.errors import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_OURS = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` says of our own pages, and of what the user did by hand."""


class CrossSite(Problem):
    """An unsafe request that does not come from one of our own pages."""

    def __init__(self) -> None:
        detail = "Open the page on this site and do it again from there."
        super().__init__(403, "cross-site", "This did not come from a page of ours.", detail)


def from_our_pages(headers: Headers, public_url: str) -> bool | None:
    """Whether a request comes from one of our own pages; None when nothing in it says.

    Browsers send `Sec-Fetch-Site` where the connection is trustworthy, and `Origin` with every unsafe request.

    Args:
        headers: of the request.
        public_url: where people reach us; the request's own host counts as well.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    origin = headers.get("origin")
    if origin is None:
        return None
    asked, ours = urlsplit(origin), urlsplit(public_url)
    return (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc) or (asked.netloc != "" and asked.netloc == headers.get("host"))


def demand_our_pages(headers: Headers, public_url: str) -> None:
    """Let only our own pages pass.

    Raises:
        CrossSite: when another page sent the request, or nothing says which.
    """
    if from_our_pages(headers, public_url) is not True:
        raise CrossSite


def refuse_other_sites(headers: Headers, public_url: str) -> None:
    """Stop what is known to come from elsewhere: for requests that carry no cookie yet, such as signing in.

    Raises:
        CrossSite: when another site's page sent the request.
    """
    if from_our_pages(headers, public_url) is False:
        raise CrossSite
