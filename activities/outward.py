"""Calls to addresses that somebody else chose: a prospect's web site, a customer's webhook. They cannot be turned inward.

A name is resolved here, every address it has is looked at, and the connection goes to the very address that passed, so
that a name which changes its mind in between (DNS rebinding) gains nothing. Each redirect is a request of its own and
passes the same way. No proxy of the environment is used: it would resolve the name again.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import SOCK_STREAM, gaierror, getaddrinfo
from ssl import SSLContext
from types import TracebackType
from typing import Final, Self

import httpx

PORTS: Final = {"http": 80, "https": 443}
_RELAYS: Final = tuple(ip_network(n) for n in ("2002::/16", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "::/96"))
"""IPv6 that carries an IPv4 address inside, which a gateway on the way may unpack: 6to4, NAT64, Teredo, IPv4-compatible."""
_INSIDE: Final = tuple(ip_network(n) for n in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24"))
"""Public by their numbers, and inside all the same: the platform channels of Azure and Oracle's clouds, and 6to4's relays."""
_MOST_TRIED = 3
_RESOLVER = ThreadPoolExecutor(16, thread_name_prefix="resolver")
"""Of its own, so that names nobody answers for hold up nothing else."""


class Inward(httpx.RequestError):
    """The address is none that we call: it leads inside, or is not plain web."""


class TooMuch(httpx.RequestError):
    """The answer is larger than we take, packed or unpacked."""


class WrongKind(httpx.RequestError):
    """The answer is no document of a kind that was asked for."""


class NoSuchHost(httpx.ConnectError):
    """The name has no address."""


@dataclass(frozen=True, slots=True)
class Document:
    """What came back.

    Args:
        url: where from, after redirects.
        status: of HTTP.
        headers: as sent.
        text: the body, empty when it says what went wrong; decoded by the stated charset, else as UTF-8 with what is broken replaced.
    """

    url: httpx.URL
    status: int
    headers: httpx.Headers
    text: str


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, whatever form it is written in.

    Not private, shared, loopback, link-local, multicast, reserved or a cloud's metadata, nor an IPv6 address with an IPv4
    address inside (mapped ones count as what is inside).
    """
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in relay for relay in _RELAYS):
            return False
    if found.is_multicast or found.is_reserved or found.is_unspecified or any(found in inside for inside in _INSIDE):
        return False
    return found.is_global


async def resolve(host: str) -> list[str]:
    """All addresses of a name.

    Raises:
        NoSuchHost: when it has none.
    """
    look = partial(getaddrinfo, host, None, type=SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(_RESOLVER, look)
    except (gaierror, UnicodeError):
        raise NoSuchHost("the name has no address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Gives the addresses of a name."""


class Guard(httpx.AsyncBaseTransport):
    """Lets a request out only to the open internet.

    Args:
        loopback: let it reach this machine's own loopback too, on any port: for tests and development.
        resolver: what gives a name's addresses.
        verify: whether certificates are checked; a context with other roots for tests.
        connections: most at a time.
    """

    def __init__(
        self, *, loopback: bool = False, resolver: Resolver = resolve, verify: SSLContext | bool = True, connections: int = 50
    ) -> None:
        self._loopback = loopback
        self._resolve = resolver
        # A connection kept for one name could serve another at the same address without its certificate being looked at.
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to an address that was looked at.

        Raises:
            Inward: when there is none it may go to.
            httpx.TransportError: what went wrong on the way.
        """
        addresses = await self._allowed(request.url)
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        for left, address in zip(range(len(addresses) - 1, -1, -1), addresses, strict=True):
            pinned = httpx.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,  # with the name in Host
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except httpx.ConnectError:
                if not left:
                    raise
        raise NoSuchHost("the name has no address")

    async def look_at(self, url: str) -> None:
        """See now whether an address would be called.

        Raises:
            Inward: when it would not.
            NoSuchHost: when its name has no address.
            httpx.InvalidURL: when it is no address at all.
        """
        await self._allowed(httpx.URL(url))

    async def _allowed(self, url: httpx.URL) -> list[str]:
        if url.scheme not in PORTS or url.userinfo or not url.host:
            raise Inward("only plain http and https addresses are called")
        addresses = await self._resolve(url.host)
        own = self._loopback and all(_is_loopback(address) for address in addresses)
        if own:
            return list(addresses)
        if (url.port or PORTS[url.scheme]) not in PORTS.values():
            raise Inward("only ports 80 and 443 are called")
        if not all(is_public(address) for address in addresses):
            raise Inward("the address leads inside")
        return list(addresses)[:_MOST_TRIED]

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


class Outward:
    """A careful reader of other people's web: guarded, and bounded in time, size and kind.

    Args:
        guard: the way out.
        seconds: for one document, redirects and all.
        most: bytes of a body, unpacked.
        agent: what we call ourselves.
    """

    def __init__(self, guard: Guard, *, seconds: float = 5.0, most: int = 1_000_000, agent: str = "Twoway") -> None:
        self._seconds, self._most = seconds, most
        headers = {"User-Agent": agent, "Accept-Encoding": "gzip"}
        self._client = httpx.AsyncClient(
            transport=guard, headers=headers, timeout=seconds, follow_redirects=True, max_redirects=4, trust_env=False
        )

    async def read(self, url: str, kinds: Collection[str] = ("text/html", "application/xhtml+xml")) -> Document:
        """Read a document.

        Args:
            url: of it; http or https.
            kinds: media types that are taken.

        Raises:
            Inward: when it, or what it redirects to, leads inside.
            TooMuch: when it is too large.
            WrongKind: when it is something else.
            TimeoutError: when it takes too long as a whole.
            httpx.HTTPError, httpx.InvalidURL: what else went wrong.
        """
        async with asyncio.timeout(self._seconds), self._client.stream("GET", url) as response:
            if response.status_code >= 400:
                return Document(response.url, response.status_code, response.headers, "")
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in kinds:
                raise WrongKind("the answer is of another kind")
            self._client.cookies.clear()  # nobody is to know us again
            body = b"".join([chunk async for chunk in _unpacked(response, self._most)])
            return Document(response.url, response.status_code, response.headers, _decoded(body, response.charset_encoding))

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self.close()


async def _unpacked(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The body in pieces, unpacked no further than is taken, so that a small one cannot fill the memory."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip", "x-gzip"):
        raise WrongKind("the answer is packed in a way that was not asked for")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in packing else None
    left = most
    async for raw in response.aiter_raw():
        try:
            piece = unpack.decompress(raw, left + 1) if unpack else raw
        except zlib.error:
            raise WrongKind("the answer cannot be unpacked") from None
        left -= len(piece)
        if left < 0 or (unpack and unpack.unconsumed_tail):
            raise TooMuch("the answer is too large")
        yield piece


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")
