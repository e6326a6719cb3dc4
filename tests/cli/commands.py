"""Running the program as a shell would, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from tollkeeper.cli.main import run


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Program = Callable[..., Ended]


def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """`program("ledger", "verify")` runs `tollkeeper ledger verify`."""

    def runs(*words: object) -> Ended:
        argv: Sequence[str] = ["tollkeeper", *map(str, words)]
        monkeypatch.setattr(sys, "argv", argv)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run()
        assert isinstance(stop.value.code, int)
        return Ended(stop.value.code, *capsys.readouterr())

    return runs
