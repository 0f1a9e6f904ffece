"""The two modules at the top are no packages, so import-linter does not see them; nor does it know what is declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("models", "workflows", "activities", "api", "local")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _sources(*tops: str) -> list[Path]:
    return [path for top in tops for path in (ROOT / top).rglob("*.py")]


def test_a_worker_needs_no_door() -> None:
    assert not {"api", "local", "cli", "fastapi"} & set(_imports(ROOT / "worker.py"))


def test_nobody_imports_the_command_line_or_the_worker() -> None:
    assert [path for path in _sources(*OURS) if {"cli", "worker"} & set(_imports(path))] == []


def test_everything_imported_is_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().replace("_", "-") for requirement in declared}
    distributions = packages_distributions()
    undeclared = {
        f"{name} ({path.relative_to(ROOT)})"
        for path in [*_sources(*OURS), ROOT / "cli.py", ROOT / "worker.py"]
        for name in _imports(path)
        if name not in sys.stdlib_module_names and name not in OURS
        if not {found.lower().replace("_", "-") for found in distributions.get(name, [name])} & names
    }
    assert undeclared == set()
