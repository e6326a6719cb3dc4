import pytest

from tollkeeper.wire.sheet import guarded


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "'"])
def test_what_a_spreadsheet_would_run_begins_with_a_quote(begins):
    assert guarded(begins + "1+1") == "'" + begins + "1+1"


@pytest.mark.parametrize("text", ["", "tiny:latest", "1-1", " =1"])
def test_other_text_stays(text):
    assert guarded(text) == text
