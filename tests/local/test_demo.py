import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import psycopg
import pytest
from rich.console import Console

from local import Trouble
from local.demo.agreement import agreement
from local.demo.cast import ACCOUNTS, REPS, TEAM, prospects
from local.up import Options, up
from models.policy import Policy, PolicyError, parse_policy
from models.schemas.leads import Submission
from models.schemas.people import NewUser
from tests.local.installation import Installation, eventually

TODAY = datetime(2026, 3, 2, tzinfo=UTC).date()


def test_an_hour_of_the_agreement_takes_a_second_and_nothing_is_too_short_to_see() -> None:
    shrunk, real = parse_policy(agreement(None), today=TODAY), Policy()
    assert shrunk.deadlines.contact == timedelta(seconds=24)
    assert shrunk.deadlines.tree == timedelta(seconds=48)
    assert shrunk.deadlines.claim_window.high == timedelta(seconds=6)  # a quarter of a second would be true to scale
    assert shrunk.score.points.half_life == real.score.points.half_life / 3600
    assert shrunk.disqualify.conditions == real.disqualify.conditions
    assert shrunk.sql.conditions == real.sql.conditions
    assert shrunk.nurture.quiet_hours is None  # the night of the demo is twelve seconds long


def test_ones_own_agreement_can_be_watched_too(tmp_path: Path) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text("deadlines: {contact: 36h}\nscore: {tiers: {high: 70}}\n")
    shrunk = parse_policy(agreement(own), today=TODAY)
    assert shrunk.deadlines.contact == timedelta(seconds=36)
    assert shrunk.score.tiers.high == 70


def test_an_agreement_that_is_none_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text("deadlines: {contct: 36h}\n")
    with pytest.raises(PolicyError, match="contct"):
        agreement(own)


def test_everybody_who_comes_by_is_somebody_the_door_lets_in() -> None:
    forms = list(islice(prospects(Random(7), "x"), 500))
    assert len({Submission.model_validate(form).email for form in forms}) == 500
    titles = {form["title"] for form in forms}
    assert {"VP Sales", "Analyst", None} <= titles


def test_the_same_seed_brings_the_same_people() -> None:
    assert list(islice(prospects(Random(7), "x"), 20)) == list(islice(prospects(Random(7), "x"), 20))


def test_the_team_is_eight_reps_with_territories_and_who_else_it_takes() -> None:
    assert len(REPS) == 8
    assert all(rep.territories for rep in REPS)
    assert {role for one in TEAM for role in one.roles} == {"rep", "reviewer", "marketer", "manager"}
    for one in TEAM:
        NewUser.model_validate({"email": one.email, "name": one.name, "roles": list(one.roles), "timezone": one.timezone})
    assert {owner for _, _, owner in ACCOUNTS} <= {rep.name for rep in REPS}


def test_made_up_people_do_not_come_among_real_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    (tmp_path / "postgres").mkdir()
    options = Options(tmp_path, 1, 2, 3, demo=True)
    monkeypatch.delenv("TWOWAY_DATABASE_URL", raising=False)
    with pytest.raises(Trouble, match="holds leads that are not the demo's"):
        up(options, Console())
    monkeypatch.setenv("TWOWAY_DATABASE_URL", "postgresql://somewhere/real")
    with pytest.raises(Trouble, match="unset TWOWAY_DATABASE_URL"):
        up(options, Console())


@pytest.mark.timeout(300)
def test_whoever_watches_the_demo_sees_every_path_in_a_few_minutes(installation: Installation) -> None:
    installation.start("--demo")
    eventually(lambda: _seen(installation) >= EVERY_PATH, within=240, every=2)
    with installation.client() as you:
        assert {user["name"] for user in you.get("/api/users?limit=100").json()["items"]} >= {one.name for one in TEAM} | {"You"}
    assert installation.interrupt() == 0
    assert not installation.processes()


EVERY_PATH = {"claimed", "contacted", "assigned", "promoted", "nurtured", "qualified", "handed back"}
_HAND_BACKS = {"lapsed", "released", "meager"}


def _seen(installation: Installation) -> set[str]:
    """What has happened to any lead so far."""
    address = json.loads((installation.data / "connection.json").read_text())["TWOWAY_DATABASE_URL"]
    with psycopg.connect(address) as connection:
        kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM ledger")}
    return kinds | ({"handed back"} if kinds & _HAND_BACKS else set())
