"""docs/operating.md has every command, every option and every metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main
from prometheus_client import Metric

from tests.docs.tables import code, rows, section
from tollkeeper.cli.main import GROUPS, program
from tollkeeper.services.watching.metrics import Metrics

COMMANDS = rows(section("docs/operating.md", "Commands"), first="command")
METRICS = rows(section("docs/operating.md", "Watching"), first="metric")


def test_every_command_and_option_is_there_and_no_other() -> None:
    there = set(commands(typer.main.get_command(program()), "tollkeeper"))
    groups = {
        f"tollkeeper {group}": [f"tollkeeper {group} {command}" for command in members]
        for group, (_, members) in GROUPS.items()
    }
    listed: set[tuple[str, ...]] = set()
    for command, options, *_ in COMMANDS:
        name = code(command)[0]
        for option in code(options):
            listed |= {(each, option) for each in groups.get(name, [name])}  # a group's: of each of its commands
        if not code(options):
            listed.add((name,))
    assert listed == there


def test_every_metric_is_there_with_its_labels() -> None:
    listed = {code(metric)[0]: set(code(labels)) for metric, labels, _ in METRICS}
    assert listed == {family.name: labels_of(family) for family in Metrics("0", lambda: None, lambda: 0, {}).collect()}


def commands(command: Any, name: str) -> Iterator[tuple[str, ...]]:
    """A command, and each of its options with it. (Typer brings a Click of its own: its classes are not Click's.)"""
    if hasattr(command, "commands"):
        for part, below in command.commands.items():
            yield from commands(below, f"{name} {part}")
    else:
        yield (name,)
    for parameter in command.params:
        yield from ((name, option) for option in parameter.opts if option.startswith("--"))


def labels_of(family: Metric) -> set[str]:
    shown = {label for sample in family.samples for label in sample.labels}
    return (shown | set(getattr(family, "_labelnames", ()))) - {"le"}
