from __future__ import annotations

import pytest

from tests.control.invoices.samples import an_invoice
from tollkeeper.control.invoices.formats import accepted, file_name


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "json"),
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("text/csv", "csv"),
        ("TEXT/HTML", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("application/json, text/html;q=0.9", "json"),
        ("text/html;q=0.2, text/csv;q=0.7", "csv"),
        ("text/html;q=0, */*", "json"),
        ("text/*", "csv"),
        ("image/png", "json"),
        ("text/html;q=nonsense", "html"),
        (";;,,q=1", "json"),
        (", ".join(["image/png"] * 1000), "json"),
    ],
)
def test_the_format_that_is_preferred(accept, form):
    assert accepted(accept) == form


def test_a_files_name_has_no_character_that_a_file_or_a_header_may_not_have():
    assert file_name(an_invoice(number='TK/../"\r\n2026')) == "TK_..____2026"
    assert file_name(an_invoice(number=None, id="draft-2026-11-user-a@b.c")) == "draft-2026-11-user-a@b.c"
    assert len(file_name(an_invoice(number="n" * 1000))) == 120
