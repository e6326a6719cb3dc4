"""docs/dialects.md says which upstreams serve which paths, and what a translation does with each field."""

from __future__ import annotations

import pytest

from tests.docs.tables import code, rows, section, text
from tollkeeper.rules.kinds import KINDS, Kind
from tollkeeper.wire.dialects import DIALECTS, TABLES

PAGE = "docs/dialects.md"
ADAPTERS = {path: adapters for dialect in DIALECTS for path, adapters in dialect.adapters.items()}
COUNTS = {endpoint.path for dialect in DIALECTS for endpoint in dialect.endpoints if endpoint.counts}
DECLARED = {endpoint.path for dialect in DIALECTS for endpoint in dialect.endpoints if endpoint.declared}
PAIRS = [(path, upstream) for path, tables in TABLES.items() for upstream in tables]


def served(path: str, kind: Kind) -> str:
    """How a kind of upstream serves requests on a path."""
    since = dict(kind.speaks_since)
    if path in kind.speaks:
        return "as it is"
    translated = any(adapter.path in kind.speaks for adapter in ADAPTERS[path] if adapter.path != path)
    if path in since:
        version = ".".join(map(str, since[path]))
        return f"as it is from {version}" + (", else translated" if translated else "")
    if translated or path in COUNTS:
        return "translated" if translated else "estimated"
    return "404" if path in DECLARED else "400"


def test_the_matrix_says_which_kind_serves_which_path() -> None:
    header = next(line for line in text(PAGE).splitlines() if line.startswith("| clients ask by |"))
    kinds = [KINDS[name] for name in code(header)]
    assert {kind.name for kind in kinds} == set(KINDS)
    said = {code(path)[0]: cells for path, *cells in rows(text(PAGE), first="clients ask by")}
    assert said == {path: [served(path, kind) for kind in kinds] for path in ADAPTERS}


def test_every_translation_has_a_table() -> None:
    titles = [line for line in text(PAGE).splitlines() if line.startswith("### `/")]
    assert titles == [f"### `{path}` to `{upstream}`" for path, upstream in PAIRS]


@pytest.mark.parametrize(("path", "upstream"), PAIRS)
def test_the_table_has_the_fate_of_each_field(path: str, upstream: str) -> None:
    table = rows(section(PAGE, f"`{path}` to `{upstream}`"), first="fate")
    said = {name: fate for fate, fields in table for name in code(fields)}
    assert said == TABLES[path][upstream]
    assert sum(len(code(fields)) for _, fields in table) == len(said)
