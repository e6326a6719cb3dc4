"""docs/dependencies.md gives a reason for every package that the project asks for."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from tests.docs.tables import code, rows, text

PROJECT: dict[str, Any] = tomllib.loads(text("pyproject.toml"))["project"]
DOCUMENT = text("docs/dependencies.md")


def test_every_dependency_has_its_line_and_no_other() -> None:
    assert [package for package, _ in rows(DOCUMENT, first="package")] == names(PROJECT["dependencies"])


def test_every_extra_has_its_line_and_no_other() -> None:
    asked = {(extra, name) for extra, wanted in PROJECT["optional-dependencies"].items() for name in names(wanted)}
    assert {(code(extra)[0], package) for extra, package, _ in rows(DOCUMENT, first="extra")} == asked


def test_every_package_of_the_pages_has_its_line_and_no_other() -> None:
    told = {name for names_, _ in rows(DOCUMENT, first="npm package") for name in names_.split(", ")}
    assert told == set(json.loads(text("web/package.json"))["dependencies"])


def test_there_are_not_too_many() -> None:
    assert len(PROJECT["dependencies"]) <= 25


def names(wanted: list[str]) -> list[str]:
    found = [re.match(r"[a-z0-9-]+", requirement) for requirement in wanted]
    return [match[0] for match in found if match]
