import json
import os
import re
import signal
import socket
import stat
from pathlib import Path

import httpx
import psutil
import pytest

from local.folder import Folder
from tests.local.installation import Installation, eventually, here, twoway

pytestmark = pytest.mark.timeout(170)


def _stage(client: httpx.Client, lead: str) -> str:
    answer = client.get(f"/api/leads/{lead}")
    assert answer.status_code == 200, answer.text
    stage: str = answer.json()["stage"]
    return stage


def _arrive(client: httpx.Client, email: str) -> str:
    answer = client.post("/api/leads", json={"email": email, "company": "Example Ltd"})
    assert answer.status_code == 201, answer.text
    lead: str = answer.json()["id"]
    return lead


def _signs_in(installation: Installation, link: str, name: str) -> None:
    """The link signs this person in, once."""
    assert link.startswith(f"http://localhost:{installation.port}/login/link/")
    with httpx.Client(headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        assert f"Sign in as <bdi>{name}</bdi>" in browser.get(link).text
        assert [browser.post(link).status_code, browser.post(link).status_code] == [303, 410]
        assert browser.get(f"http://localhost:{installation.port}/api/users/me").json()["name"] == name


def _works_beside(installation: Installation, tmp_path: Path) -> None:
    """The other commands find what runs by its folder."""
    data = ["--data", str(installation.data)]
    added = here("user", "add", "rep@team.example", "Rita Rep", "--role", "rep", "--token", *data)
    assert added.returncode == 0, added.stderr
    token = added.stdout.strip()
    me = httpx.get(f"http://127.0.0.1:{installation.port}/api/leads", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 200

    again = here("user", "add", "rep@team.example", "Rita Rep", "--role", "rep", *data)
    assert again.returncode == 1
    assert "rep@team.example" in again.stderr

    assert here("token", "rep@team.example", *data).stdout.strip() not in ("", token)
    assert "/login/link/" in added.stderr
    _signs_in(installation, here("user", "link", "rep@team.example", *data).stdout.strip(), "Rita Rep")
    _signs_in(installation, here("user", "add", "mo@team.example", "Mo", "--role", "marketer", *data).stdout.strip(), "Mo")
    assert "no user" in here("user", "link", "nobody@team.example", *data).stderr
    nobody = here("token", "nobody@team.example", *data)
    assert (nobody.returncode, "no user" in nobody.stderr) == (1, True)

    file = tmp_path / "leads.csv"
    file.write_text(
        "E-Mail,First Name,Plan\nada@example.com,Ada,gold\nbob@example.com,Bob,\nnot an address,=SUM(1),x\nADA@example.com,Ada,\n"
    )
    imported = here("import", str(file), *data)
    assert imported.returncode == 0, imported.stderr
    assert "2 created, 1 merged with a lead that was there, 1 refused" in imported.stdout
    header, row = (tmp_path / "leads.refused.csv").read_text("utf-8-sig").splitlines()
    assert header == "E-Mail,First Name,Plan,refused_because"
    assert row.startswith("not an address,'=SUM(1),x,email: ")

    doctor = twoway("doctor", *data)
    assert doctor.returncode == 0, doctor.stdout
    assert "All is well." in doctor.stdout

    second = twoway("up", *installation.options)
    assert second.returncode == 1
    assert "in use by another" in second.stderr


def test_a_killed_up_goes_on_where_it_stopped_and_ctrl_c_leaves_nothing(installation: Installation, tmp_path: Path) -> None:
    installation.start()
    printed = installation.printed.read_text()
    assert f"http://localhost:{installation.port}/docs" in printed
    assert f"http://localhost:{installation.ui_port}" in printed
    for secret in ("admin-token", "secret-key", "connection.json"):
        assert stat.S_IMODE((installation.data / secret).stat().st_mode) == 0o600
    token = (installation.data / "admin-token").read_text()
    _signs_in(installation, re.findall(r"Sign in: (\S+)", printed)[0], "Admin")
    with installation.client() as client:
        assert client.get("/readyz").status_code == 200
        _works_beside(installation, tmp_path)
        lead = _arrive(client, "grace@example.com")
        assert _stage(client, lead) == "new"

    installation.kill()
    assert installation.processes() == []
    assert "does not" in here("token", "rep@team.example", "--data", str(installation.data)).stderr

    installation.start()
    assert (installation.data / "admin-token").read_text() == token
    with installation.client() as client:
        eventually(lambda: _stage(client, lead) != "new")
        _arrive(client, "later@example.com")

    assert installation.interrupt() == 0
    assert installation.processes() == []
    assert Folder(installation.data).announced() is None
    assert "Stopped." in installation.printed.read_text()
    assert "Nothing runs in" in here("token", "rep@team.example", "--data", str(installation.data)).stderr


def test_what_ends_is_started_again_and_an_orphan_holds_no_port(installation: Installation) -> None:
    installation.start()
    assert installation.process is not None
    worker = json.loads(Folder(installation.data).pid("worker").read_text())["pid"]
    psutil.Process(worker).kill()
    eventually(lambda: "worker ended (killed by SIGKILL) and is started again" in installation.printed.read_text())
    eventually(lambda: json.loads(Folder(installation.data).pid("worker").read_text())["pid"] != worker)

    postmaster = int((installation.data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    psutil.Process(postmaster).kill()
    eventually(lambda: "PostgreSQL ended and is started again" in installation.printed.read_text())
    with installation.client() as client:
        eventually(lambda: client.get("/readyz").status_code == 200)

    beside = [process for process in installation.processes() if process.name() != "postgres" and process.pid != installation.process.pid]
    os.kill(installation.process.pid, signal.SIGKILL)
    installation.process.wait()
    _, alive = psutil.wait_procs(beside, timeout=10)
    assert alive == []

    installation.start()
    with installation.client() as client:
        assert client.get("/readyz").status_code == 200
    assert installation.interrupt() == 0
    assert installation.processes() == []


def test_a_policy_that_is_not_valid_stops_everything_before_it_starts(installation: Installation) -> None:
    installation.policy.write_text("deadlines:\n  contcat: 24h\nmax_assignments: 0\n")
    ended = twoway("up", *installation.options, "--policy", str(installation.policy))
    assert ended.returncode == 2
    assert "line 2: deadlines.contcat: unknown key" in ended.stderr
    assert "line 3: max_assignments" in ended.stderr
    assert not installation.data.exists()


@pytest.mark.parametrize(("attribute", "option"), [("port", "--port"), ("temporal_port", "--temporal-port"), ("ui_port", "--ui-port")])
def test_a_taken_port_is_named_with_the_option_that_changes_it(installation: Installation, attribute: str, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(installation, attribute)))
        taken.listen()
        ended = twoway("up", *installation.options)
    assert ended.returncode == 1
    assert f"Port {getattr(installation, attribute)}" in ended.stderr
    assert option in ended.stderr


def test_ctrl_c_while_it_starts_leaves_nothing(installation: Installation) -> None:
    process = installation.launch()
    eventually((installation.data / "temporal.db").exists, within=60)
    assert installation.interrupt() == 0
    assert process.poll() == 0
    assert installation.processes() == []
    assert "Twoway is up" not in installation.printed.read_text()
