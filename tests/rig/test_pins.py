"""The pins hold all that pyproject.toml asks for, with hashes, and name no registry. Red? Run scripts/pins."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[2]
PINS = sorted((TOP / "requirements").glob("*.txt"))
LOCKS = [
    TOP / "web/package-lock.json",
    TOP / "tests/clients/node/package-lock.json",
    TOP / "tests/open_id/node/package-lock.json",
]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())


def pinned(path: Path) -> dict[str, str]:
    found = (Requirement(line.removesuffix("\\").strip()) for line in path.read_text().splitlines() if "==" in line)
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in found}


def asked_for(pins: str) -> list[str]:
    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = [requirement for extra in project["optional-dependencies"].values() for requirement in extra]
    running = [*project["dependencies"], *extras, *groups["build"]]
    return running if pins == "run" else [*running, *groups["dev"]]


@pytest.mark.parametrize("pins", ["run", "dev"])
def test_hold_what_the_project_asks_for(pins: str):
    versions = pinned(TOP / "requirements" / f"{pins}.txt")
    for wanted in map(Requirement, asked_for(pins)):
        version = versions.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted} is not pinned"
        assert wanted.specifier.contains(version), f"{wanted} is pinned at {version}"


def test_developers_run_what_users_run():
    assert pinned(TOP / "requirements/run.txt").items() <= pinned(TOP / "requirements/dev.txt").items()


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_carry_hashes_and_no_address(path: Path):
    text = path.read_text()
    assert "://" not in text
    assert "--index" not in text
    for pin in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in pin, f"{path.name}: {pin}"


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
def test_locks_carry_hashes_and_no_address(path: Path):
    packages = json.loads(path.read_text())["packages"]
    for name, package in packages.items():
        assert name == "" or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package
