"""Whether a person or a machine is behind a signal, by what it says of itself and where it comes from.

User agents are looked up in `agents.csv`, addresses in `data_centres.csv`, and both in what the policy adds. Addresses are
looked at while the request lasts and kept nowhere. When a signal came matters as well, see `api.services.links`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path

from models.policy import Signals
from models.rules import compile_pattern
from models.signals import Sign, Verdict

_HERE = Path(__file__).parent
LONGEST_AGENT = 300
"""How much of a user agent is looked at and kept."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of a signal.

    Args:
        verdict: whose doing it is.
        sign: what gave a machine away; None for a person.
    """

    verdict: Verdict = Verdict.HUMAN
    sign: Sign | None = None


PERSON = Judgement()
"""Nothing speaks against it."""


class Ranges:
    """A set of networks, of either kind.

    Args:
        networks: as `192.0.2.0/24` or `2001:db8::/32`.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        found = [ip_network(network) for network in networks]
        merged: list[IPv4Network | IPv6Network] = [
            *collapse_addresses(one for one in found if isinstance(one, IPv4Network)),
            *collapse_addresses(one for one in found if isinstance(one, IPv6Network)),
        ]
        spans = sorted((one.version, int(one.network_address), int(one.broadcast_address)) for one in merged)
        self._starts = [(version, first) for version, first, _ in spans]
        self._ends = [last for _, _, last in spans]

    def __contains__(self, address: str) -> bool:
        """Whether an address is in one of them; what is no address is in none."""
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        at = bisect_right(self._starts, (found.version, int(found))) - 1
        return at >= 0 and self._starts[at][0] == found.version and int(found) <= self._ends[at]


class Judge:
    """Tells machines by user agent and address.

    Args:
        rules: what the policy adds.
    """

    def __init__(self, rules: Signals) -> None:
        own = [(Verdict.BOT, compile_pattern(pattern)) for pattern in rules.agents]
        self._agents = [*own, *_known_agents()]
        self._machines = Ranges([*(_known_networks() if rules.data_centres else ()), *rules.networks])
        self._people = Ranges(rules.people)
        said = "\n".join(f"{verdict} {pattern.pattern}" for verdict, pattern in self._agents)
        self.digest = sha256(said.encode()).hexdigest()[:16]
        """A fingerprint of all patterns: when it changes, what is stored is looked at again."""

    def of_agent(self, agent: str | None) -> Judgement:
        """What a user agent alone tells; who names none is a script."""
        return _of_agent(self, (agent or "").strip()[:LONGEST_AGENT])

    def look_up(self, agent: str) -> Judgement | None:
        """What the first pattern that matches says; None when none does."""
        for verdict, pattern in self._agents:
            if pattern.search(agent):
                return PERSON if verdict is Verdict.HUMAN else Judgement(verdict, Sign.USER_AGENT)
        return None

    def of(self, agent: str | None, address: str | None, *, machine: Verdict) -> Judgement:
        """What user agent and address tell together.

        Args:
            agent: of the request.
            address: where the request came from, if that is known.
            machine: what to call one that only its address gives away.
        """
        said = (agent or "").strip()[:LONGEST_AGENT]
        found = self.of_agent(said)
        if found is not PERSON or not address or self.look_up(said) is PERSON:  # a mail program's proxy stands in a data centre
            return found
        if address in self._machines and address not in self._people:
            return Judgement(machine, Sign.DATA_CENTRE)
        return PERSON


@lru_cache(maxsize=4096)
def _of_agent(judge: Judge, agent: str) -> Judgement:
    if not agent:
        return Judgement(Verdict.BOT, Sign.USER_AGENT)
    return judge.look_up(agent) or PERSON


@lru_cache(maxsize=8)
def judge_of(document: str) -> Judge:
    """The judge under these rules, made once.

    Args:
        document: `Signals` as JSON.
    """
    return Judge(Signals.model_validate_json(document))


def _rows(name: str) -> Iterator[tuple[str, str]]:
    """The two columns of a file; patterns may hold commas, so only the first one separates."""
    with (_HERE / name).open(encoding="utf-8") as file:
        lines = [line.strip() for line in file if not line.startswith("#")]
    for line in lines[1:]:
        first, _, second = line.partition(",")
        yield first, second


@lru_cache(maxsize=1)
def _known_agents() -> list[tuple[Verdict, re.Pattern[str]]]:
    return [(Verdict(verdict), compile_pattern(pattern)) for verdict, pattern in _rows("agents.csv")]


@lru_cache(maxsize=1)
def _known_networks() -> list[str]:
    return [network for _, network in _rows("data_centres.csv")]
