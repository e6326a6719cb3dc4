import pytest

from tollkeeper.wire.csv_cells import encode_rows, escape_formula, format_cell


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "'"])
def test_what_a_spreadsheet_would_run_begins_with_a_quote(begins):
    assert escape_formula(begins + "1+1") == "'" + begins + "1+1"


@pytest.mark.parametrize("text", ["", "tiny:latest", "1-1", " =1"])
def test_other_text_stays(text):
    assert escape_formula(text) == text


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("cost_usd", "-0.5", "-0.5"),
        ("latency_ms", -5, "-5"),
        ("model", "-0.5", "'-0.5"),
        ("metadata", '{"a":"=1"}', '{"a":"=1"}'),
        ("finish_reason", None, ""),
        ("stream", True, "true"),
        ("estimated", False, "false"),
    ],
)
def test_numbers_stay_numbers_and_texts_are_guarded(column, value, shown):
    assert format_cell(column, value) == shown


def test_rows_are_lines_and_cells_are_quoted_where_they_must_be():
    rows = [["a", "b"], ['1,"2"\n', "é\ud800"]]
    assert encode_rows(rows) == 'a,b\r\n"1,""2""\n",é?\r\n'.encode()
