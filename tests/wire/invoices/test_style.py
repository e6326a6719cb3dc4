from __future__ import annotations

import re
from base64 import b64decode
from hashlib import sha256

from tollkeeper.wire.invoices.style import POLICY, STYLE


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    directives = dict(part.strip().split(" ", 1) for part in POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    found = re.fullmatch(r"'sha256-(.+)'", directives["style-src"])
    assert found
    assert b64decode(found[1]) == sha256(STYLE.encode()).digest()
    assert set(directives) == {"default-src", "style-src", "base-uri", "form-action"}


def test_the_style_fetches_nothing_and_ends_nowhere_early() -> None:
    assert not re.search(r"url\(|@import|<", STYLE)


def test_it_prints_on_a4_with_heads_repeated_and_rows_whole() -> None:
    for rule in ("size: A4", "table-header-group", "tr { break-inside: avoid", "counter(page)"):
        assert rule in STYLE
