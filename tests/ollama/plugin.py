"""A pytest plugin: the fixture `ollama`, one real server for the whole run, started when the first test asks for it.

Every test that uses it, through whatever other fixture, is marked `ollama`; one that fails shows the end of its log.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.ollama.rig import Ollama, running_ollama


@pytest.fixture(scope="session")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    with running_ollama(tmp_path_factory.mktemp("ollama")) as server:
        yield server


# Before pytest itself chooses by marker.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "ollama" in getattr(item, "fixturenames", ()):
            item.add_marker("ollama")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    server = getattr(item, "funcargs", {}).get("ollama")
    if report.failed and isinstance(server, Ollama):
        report.sections.append(("the end of Ollama's log", server.log()))
    return report
