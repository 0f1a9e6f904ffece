"""Calls to strangers' addresses: nothing of them comes inside, and nothing they send is too much."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from activities.outward import Document, Guard, Inward, NoSuchHost, Outward, TooMuch, WrongKind, is_public, resolve

ROOTS = ssl.create_default_context()
PUBLIC = "93.184.216.34"
INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001:0:4136:e378::1",
    "",
    "acme.com",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_leads_inside(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_an_address_of_the_open_internet(address: str) -> None:
    assert is_public(address)


class Names:
    """Gives each name's addresses, another answer each time where several are written down."""

    def __init__(self, **addresses: Sequence[Sequence[str]]) -> None:
        self.left = {name.replace("_", "."): list(answers) for name, answers in addresses.items()}
        self.asked: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        answers = self.left.get(name)
        if not answers:
            return [name]
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def refused(url: str, names: Names | None = None) -> None:
    async with Outward(Guard(verify=ROOTS, resolver=names or Names())) as outward:
        with pytest.raises(Inward):
            await outward.read(url)


@pytest.mark.parametrize("address", [address for address in INSIDE if address and "%" not in address and address != "acme.com"])
async def test_no_name_leads_inside(address: str) -> None:
    await refused("http://acme.com/", Names(acme_com=[[address]]))
    await refused(f"http://[{address}]/" if ":" in address else f"http://{address}/")


async def test_one_inside_address_among_good_ones_spoils_the_name() -> None:
    await refused("http://acme.com/", Names(acme_com=[[PUBLIC, "10.0.0.1"]]))


@pytest.mark.parametrize(
    "url", ["http://acme.com:8080/", "https://acme.com:22/", "http://u:p@acme.com/", "ftp://acme.com/", "file:///etc/passwd"]
)
async def test_only_plain_web_addresses_are_called(url: str) -> None:
    async with Outward(Guard(verify=ROOTS, resolver=Names(acme_com=[[PUBLIC]]))) as outward:
        with pytest.raises((Inward, httpx.UnsupportedProtocol)):
            await outward.read(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
async def test_loopback_in_disguise(host: str) -> None:
    async with Outward(Guard(verify=ROOTS)) as outward:
        with pytest.raises((Inward, NoSuchHost, httpx.InvalidURL)):
            await outward.read(f"http://{host}/")


async def test_a_name_without_an_address() -> None:
    with pytest.raises(NoSuchHost):
        await resolve("nobody.invalid")


class Site:
    """A server of our own: what it answers to each path, and which names it was called by."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.hosts: list[str] = []
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        self.hosts += [line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("host:")]
        writer.write(self.answers[path])
        if path == "/slow":
            await reader.read()  # until the other side has enough
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


def html(body: bytes, *more: str) -> bytes:
    head = "\r\n".join(("HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", "Connection: close", *more))
    return head.encode() + b"\r\n\r\n" + body


def moved(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def site(context: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    found = Site()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=context)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


@pytest.fixture
async def own() -> AsyncIterator[Site]:
    async with site() as found:
        yield found


async def read(own: Site, path: str, *, names: Names | None = None, seconds: float = 5.0, most: int = 1_000_000) -> Document:
    guard = Guard(loopback=True, verify=ROOTS, resolver=names or Names(acme_com=[["127.0.0.1"]]))
    async with Outward(guard, seconds=seconds, most=most) as outward:
        return await outward.read(f"http://acme.com:{own.port}{path}")


async def test_the_connection_goes_to_the_address_that_was_looked_at(own: Site) -> None:
    own.answers["/"] = html("Grüße".encode())
    names = Names(acme_com=[["127.0.0.1"], ["10.0.0.1"]])
    found = await read(own, "/", names=names)
    assert (found.text, names.asked, own.hosts) == ("Grüße", ["acme.com"], [f"acme.com:{own.port}"]), "asked for once, and the name kept"


async def test_a_name_that_changes_its_mind_is_looked_at_again_on_a_redirect(own: Site) -> None:
    own.answers["/"] = moved(f"http://acme.com:{own.port}/inside")
    with pytest.raises(Inward):
        await read(own, "/", names=Names(acme_com=[["127.0.0.1"], ["10.0.0.1"]]))


@pytest.mark.parametrize(
    "to", ["http://169.254.169.254/latest/meta-data/", "http://[::ffff:10.0.0.1]/", "http://evil.com/", "file:///etc/passwd"]
)
async def test_no_redirect_leads_inside(own: Site, to: str) -> None:
    own.answers["/"] = moved(to)
    with pytest.raises((Inward, httpx.UnsupportedProtocol)):
        await read(own, "/", names=Names(acme_com=[["127.0.0.1"]], evil_com=[["192.168.0.1"]]))


async def test_a_circle_of_redirects_ends(own: Site) -> None:
    own.answers["/"] = moved("/")
    with pytest.raises(httpx.TooManyRedirects):
        await read(own, "/")


async def test_loopback_is_reached_only_where_it_is_allowed(own: Site) -> None:
    own.answers["/"] = html(b"secret")
    await refused(f"http://127.0.0.1:{own.port}/")
    await refused(f"http://acme.com:{own.port}/", Names(acme_com=[["127.0.0.1"]]))


async def test_a_large_answer_is_cut_off(own: Site) -> None:
    own.answers["/"] = html(b"x" * 50_000)
    assert len((await read(own, "/", most=50_000)).text) == 50_000
    with pytest.raises(TooMuch):
        await read(own, "/", most=49_999)


async def test_a_small_answer_that_unpacks_into_a_large_one_is_cut_off(own: Site) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < 60_000
    own.answers["/"] = html(bomb, "Content-Encoding: gzip")
    with pytest.raises(TooMuch):
        await read(own, "/", most=100_000)
    own.answers["/"] = html(gzip.compress(b"hello"), "Content-Encoding: gzip")
    assert (await read(own, "/")).text == "hello"


@pytest.mark.parametrize(("kind", "packing"), [("application/zip", "identity"), ("text/html", "br"), ("text/html", "gzip")])
async def test_what_is_no_page_is_not_read(own: Site, kind: str, packing: str) -> None:
    own.answers["/"] = (
        html(b"not packed")
        .replace(b"text/html", kind.encode())
        .replace(b"Connection", f"Content-Encoding: {packing}\r\nConnection".encode())
    )
    with pytest.raises(WrongKind):
        await read(own, "/")


async def test_a_site_that_trickles_is_given_up(own: Site) -> None:
    own.answers["/slow"] = html(b"x")
    with pytest.raises((TimeoutError, httpx.TimeoutException)):
        await read(own, "/slow", seconds=0.1)


async def test_an_unknown_charset_is_read_as_utf_8(own: Site) -> None:
    own.answers["/"] = html("é".encode()).replace(b"utf-8", b"klingon")
    assert (await read(own, "/")).text == "é"


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for a name, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = folder / "both.pem"
    plain = serialization.NoEncryption()
    file.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_the_certificate_must_be_the_names_although_the_address_is_called(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "acme.com")
    async with site(server) as own:
        own.answers["/"] = html(b"safe")
        guard = Guard(loopback=True, verify=client, resolver=Names(acme_com=[["127.0.0.1"]], other_com=[["127.0.0.1"]]))
        async with Outward(guard) as outward:
            assert (await outward.read(f"https://acme.com:{own.port}/")).text == "safe"
            with pytest.raises(httpx.ConnectError):
                await outward.read(f"https://other.com:{own.port}/")
