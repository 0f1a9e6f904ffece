"""Telling people from machines by what they say of themselves and where they come from."""

import csv
from ipaddress import ip_network
from pathlib import Path

import pytest

from activities.signals import judging
from activities.signals.judging import PERSON, Judge, Judgement, Ranges, judge_of
from models.policy import Signals
from models.signals import Sign, Verdict

JUDGE = Judge(Signals())
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
PEOPLE = [
    CHROME,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)",
    "Thunderbird/128.0",
]
MACHINES = {
    "": Verdict.BOT,
    "Mozilla/5.0": Verdict.SCANNER,
    "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))": Verdict.SCANNER,
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": Verdict.BOT,
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)": Verdict.BOT,
    CHROME.replace("Chrome/", "HeadlessChrome/"): Verdict.BOT,
    "curl/8.5.0": Verdict.BOT,
    "python-requests/2.32.3": Verdict.BOT,
    "Go-http-client/2.0": Verdict.BOT,
    "facebookexternalhit/1.1": Verdict.BOT,
}


@pytest.mark.parametrize("agent", PEOPLE)
def test_people_are_people(agent: str) -> None:
    assert JUDGE.of_agent(agent) == PERSON


@pytest.mark.parametrize(("agent", "verdict"), MACHINES.items())
def test_machines_are_known_by_their_user_agent(agent: str, verdict: Verdict) -> None:
    assert JUDGE.of_agent(agent) == Judgement(verdict, Sign.USER_AGENT)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::1", True),
        ("2001:db9::", False),
    ],
)
def test_a_range_holds_its_first_and_its_last_address(address: str, inside: bool) -> None:
    assert (address in Ranges(["192.0.2.0/25", "192.0.2.128/25", "2001:db8::/32"])) is inside


def test_nothing_that_is_no_address_is_in_a_range() -> None:
    assert "testclient" not in Ranges(["0.0.0.0/0"])


def test_who_browses_from_a_data_centre_is_a_machine_unless_the_policy_knows_better() -> None:
    there = "3.120.4.5"
    assert JUDGE.of(CHROME, there, machine=Verdict.SCANNER) == Judgement(Verdict.SCANNER, Sign.DATA_CENTRE)
    assert Judge(Signals(people=(f"{there}/32",))).of(CHROME, there, machine=Verdict.BOT) == PERSON
    assert Judge(Signals(data_centres=False)).of(CHROME, there, machine=Verdict.BOT) == PERSON
    assert Judge(Signals(networks=("198.51.100.0/24",))).of(CHROME, "198.51.100.7", machine=Verdict.BOT).sign is Sign.DATA_CENTRE


def test_a_mail_programs_proxy_stands_for_a_person_wherever_it_stands() -> None:
    proxy = PEOPLE[5]
    assert Judge(Signals(networks=("66.249.80.0/20",))).of(proxy, "66.249.84.1", machine=Verdict.SCANNER) == PERSON


def test_a_policys_patterns_come_first_and_change_the_fingerprint() -> None:
    own = Judge(Signals(agents=("acme-gateway",)))
    assert own.of_agent("Mozilla/5.0 (ACME-Gateway) like a person").verdict is Verdict.BOT
    assert own.digest != JUDGE.digest
    assert judge_of(Signals().document) is judge_of(Signals().document)


def test_the_files_that_come_along_can_be_read_to_the_last_line() -> None:
    place = Path(judging.__file__).parent
    for name, head in (("agents.csv", ["verdict", "pattern"]), ("data_centres.csv", ["provider", "network"])):
        lines = [line for line in (place / name).read_text("utf-8").splitlines() if not line.startswith("#")]
        assert next(csv.reader(lines)) == head
        assert "Dated " in (place / name).read_text("utf-8")
    assert all(ip_network(network).num_addresses >= 1 for network in judging._known_networks())
    assert len(judging._known_agents()) > 10
