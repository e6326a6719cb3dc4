"""The sections of docs/clients.md, and the blocks of code in them."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.docs.tables import section

DOCUMENT = "docs/clients.md"
ADDRESS, KEY = "http://localhost:8000", "sk-alice-123"
QUESTION = "What is a toll?"
ALIAS, EMBEDDER = "llama3.2", "nomic-embed-text"
"""The models in the blocks: aliases here, the first as in the demo."""
_FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """Code in a language; with a name it is the content of that file."""

    language: str
    file: str
    code: str


def adapted(code: str, url: str, key: str) -> str:
    """With this address and key in place of the document's."""
    return code.replace(ADDRESS, url).replace(KEY, key)


def blocks(client: str, url: str, key: str) -> list[Block]:
    """Those of a client, in order, adapted."""
    return [Block(*found) for found in _FENCED.findall(adapted(section(DOCUMENT, client), url, key))]
