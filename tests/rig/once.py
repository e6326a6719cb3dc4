"""A pytest plugin: each test function is run with the first of its parameters only.

What a machine lacks, a program, a library, a file, the function misses whatever it is given.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)  # after pytest itself has chosen by marker
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    first: dict[str, pytest.Item] = {}
    for item in items:
        first.setdefault(item.nodeid.partition("[")[0], item)
    chosen = list(first.values())
    kept = set(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = chosen
