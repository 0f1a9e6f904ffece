"""What a team's server runs on: the Compose file, the image, the pins and the Makefile."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.api.enums.v1 import IndexedValueType

from local.temporal import SEARCH_ATTRIBUTES
from workflows.attributes import TYPES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
SECRETS = ("POSTGRES_PASSWORD", "TWOWAY_SECRET_KEY", "TWOWAY_ADMIN_TOKEN")
ONCE = {"temporal-schema", "temporal-namespace", "migrate", "register"}


def _compose(*arguments: str, **secrets: str) -> "subprocess.CompletedProcess[str]":
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **secrets}
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment, check=False)


def _has_compose() -> bool:
    return _compose("version").returncode == 0 if shutil.which("docker-compose") or shutil.which("docker") else False


def test_compose_accepts_the_file_and_asks_for_every_secret() -> None:
    if not _has_compose():
        assert os.environ.get("TWOWAY_TEST_COMPOSE") != "required"
        pytest.skip("Compose is not installed here; .ci/run installs it")
    given = dict.fromkeys(SECRETS, "0123456789abcdef0123456789abcdef")
    accepted = _compose("config", "--quiet", **given)
    assert accepted.returncode == 0, accepted.stderr
    for name in SECRETS:
        refused = _compose("config", "--quiet", **{key: value for key, value in given.items() if key != name})
        assert refused.returncode != 0
        assert f"put {name} into .env" in refused.stderr


def test_the_file_is_todays_format_and_pins_every_image() -> None:
    assert "version" not in COMPOSE
    for name, service in SERVICES.items():
        image, _, tag = service["image"].rpartition(":")
        assert image, name
        assert re.search(r"\d+\.\d+", tag), f"{name}: {service['image']} is not pinned"


def test_a_service_starts_after_what_it_needs_and_comes_back_when_it_ends() -> None:
    for name, service in SERVICES.items():
        assert service["restart"].startswith("on-failure" if name in ONCE else "unless-stopped"), name
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONCE else "service_healthy"
            assert how == {"condition": wanted}, f"{name} on {needed}"
            assert needed in ONCE or "healthcheck" in SERVICES[needed]
    for name in ("worker", "api"):
        assert set(SERVICES[name]["depends_on"]) == {"migrate", "register"}


def test_only_the_board_is_open_to_others_and_no_secret_is_written_down() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "temporal-ui": ["127.0.0.1:8233:8080"],
        "api": ["${TWOWAY_PORT:-8000}:8000"],
    }
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if any(word in key for word in ("PASSWORD", "PWD", "SECRET", "TOKEN", "DATABASE_URL")):
                assert "${" in value, key


def test_the_development_server_knows_the_same_search_attributes_as_a_real_one() -> None:
    assert {name: f"INDEXED_VALUE_TYPE_{kind.upper()}" for name, kind in SEARCH_ATTRIBUTES.items()} == {
        name: IndexedValueType.Name(kind) for name, kind in TYPES.items()
    }


def test_data_outlives_its_containers() -> None:
    assert COMPOSE["volumes"] == {"postgres": None}
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]


def test_the_image_pins_its_base_installs_by_hash_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert {line.split()[1] for line in lines if line.startswith("FROM")} == {"python:3.11.14-slim-bookworm"}
    assert any("--require-hashes -r constraints.txt" in line for line in lines)
    assert lines.index("USER twoway") < next(number for number, line in enumerate(lines) if line.startswith("CMD"))


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-") for requirement in requirements}


@pytest.mark.parametrize("file", ["constraints.txt", "constraints-dev.txt"])
def test_every_dependency_is_pinned_by_hash_from_no_named_index(file: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / file).read_text()
    pinned = re.findall(r"^([a-z0-9.-]+)==\S+(?: ;[^\\]*)? \\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    wanted = project["dependencies"] + (project["optional-dependencies"]["dev"] if "dev" in file else [])
    assert _names(wanted) <= set(pinned), "run `make constraints`"
    assert "://" not in text


def test_what_users_and_developers_get_is_the_same_release() -> None:
    pins = {
        file: set(re.findall(r"^\S+==\S+", (ROOT / file).read_text(), re.MULTILINE)) for file in ("constraints.txt", "constraints-dev.txt")
    }
    assert pins["constraints.txt"] <= pins["constraints-dev.txt"]


@pytest.mark.parametrize("target", ["up", "test", "lint", "types", "format", "bench", "clean", "constraints"])
def test_make_knows_every_habit(target: str) -> None:
    asked = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert asked.returncode == 0, asked.stderr
    assert target in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout


def test_make_says_which_python_is_needed(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    (tmp_path / "python3").chmod(0o755)
    for name in ("sh", "sed", "touch"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    make = shutil.which("make") or "make"
    asked = subprocess.run(
        [make, f"VENV={tmp_path}/venv", "up"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert asked.returncode != 0
    assert "Python 3.11 or newer is needed; python3 here is Python 3.9.2" in asked.stdout
