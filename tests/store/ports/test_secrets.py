"""What is printed of values that hold secrets."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.pretty import pprint

from tests.store.values import ANN, FACTOR, KEY


@pytest.mark.parametrize("value", [ANN, KEY, FACTOR])
def test_secrets_are_never_printed(value: object) -> None:
    rich = StringIO()
    pprint(value, console=Console(file=rich))
    for shown in (repr(value), str(value), f"{[value]}", rich.getvalue()):
        assert "ann" in shown
        assert "secret" not in shown
