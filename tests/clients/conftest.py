"""The gateway, with the user and the model that the blocks of docs/clients.md ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.document import ALIAS, EMBEDDER
from tests.ollama.rig import TOOLS_TEMPLATE, Ollama
from tests.process.served import Served, served
from tests.sdk.conftest import numbers, person

__all__ = ["gateway", "numbers", "person"]

TALKER = "tiny-tools"
"""Says one sentence whatever it is asked, and takes tools, which agents always send."""
TEMPLATE = TOOLS_TEMPLATE.read_text().split('"""')[1]


@pytest.fixture(scope="session")
def gateway(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = ollama.ask("/api/create", {"model": TALKER, "from": "tiny", "template": TEMPLATE, "stream": False})
    assert made.status == 200, made.body
    with served(tmp_path_factory.mktemp("gateway"), ollama.url) as running:
        running.admin("PUT", "/admin/aliases", {ALIAS: TALKER, EMBEDDER: TALKER})
        yield running
