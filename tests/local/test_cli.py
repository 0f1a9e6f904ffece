import subprocess
import sys
from pathlib import Path

from models.settings import Settings
from tests.local.installation import ROOT, Installation, here, twoway


def test_a_valid_policy_is_summed_up(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("name: ours\ndeadlines: {contact: 90m}\n")
    checked = here("policy", "check", str(tmp_path / "policy.yaml"))
    assert checked.returncode == 0
    assert "Policy 'ours'" in checked.stdout
    assert "90m" in checked.stdout


def test_an_invalid_policy_is_named_by_key_and_line(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("name: ours\ncliams: {}\ndeadlines:\n  contact: soon\n")
    checked = here("policy", "check", str(tmp_path / "policy.yaml"))
    assert checked.returncode == 1
    assert "line 2: cliams: unknown key" in checked.stderr
    assert "line 4: deadlines.contact" in checked.stderr


def test_every_setting_is_listed_with_its_meaning() -> None:
    listed = " ".join(here("settings").stdout.split())
    for name, field in Settings.model_fields.items():
        assert f"TWOWAY_{name.upper()}" in listed
        assert field.description


def test_a_setting_that_is_impossible_is_named() -> None:
    ended = twoway("db", "migrate", TWOWAY_DATABASE_URL="mysql://elsewhere")
    assert ended.returncode == 1
    assert ended.stderr.strip() == "TWOWAY_DATABASE_URL must begin with postgresql://"


def test_a_database_that_is_away_is_said_in_a_sentence() -> None:
    ended = twoway("token", "a@team.example", TWOWAY_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert ended.returncode == 1
    assert ended.stderr.startswith("The database does not do its part: ")
    assert "Traceback" not in ended.stderr


def test_a_map_that_maps_nothing_is_refused(tmp_path: Path) -> None:
    ended = here("import", str(tmp_path / "leads.csv"), "--map", "email")
    assert (ended.returncode, "COLUMN=FIELD" in ended.stderr) == (1, True)


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(installation: Installation) -> None:
    ended = twoway("doctor", *installation.options)
    assert ended.returncode == 1
    assert "ok    PostgreSQL's programs: postgres (PostgreSQL)" in ended.stdout
    assert f"ok    port {installation.port}: free for the API" in ended.stdout
    assert "wrong running: Nothing runs in" in ended.stdout
    assert "→ Start it with `twoway up`" in ended.stdout
    assert not installation.data.exists()


def test_the_doctor_names_what_does_not_answer() -> None:
    ended = twoway("doctor", TWOWAY_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert ended.returncode == 1
    assert "wrong database: it does not answer" in ended.stdout
    assert "wrong Temporal: it does not answer" in ended.stdout


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'temporalio', 'sqlalchemy', 'fastapi', 'pydantic', 'psycopg', 'numpy', 'xgboost', 'plotly'}"
    program = f"import sys, cli; sys.exit(str(sorted({heavy} & set(sys.modules))))"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr == "[]\n"
