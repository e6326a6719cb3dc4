import io
import json
import logging

import pytest

from tollkeeper.logs import configure_logs


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers, root.level = before[0], before[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_is_a_json_object():
    stream = io.StringIO()
    configure_logs(stream)
    logging.getLogger("tollkeeper.x").warning("upstream %s is down", "a")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("upstream a is down", "warning", "tollkeeper.x")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_what_a_client_sent_forges_no_line_and_moves_no_cursor(stream):
    configure_logs(stream)
    logging.getLogger("x").warning("named %s", 'a\nb\r\x1b[2J\u2028"level":"x"')
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert "\x1b[2J" not in text
    assert "\u2028" not in text


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_an_exception_is_told_with_its_trace_and_moves_no_cursor(stream):
    configure_logs(stream)
    try:
        raise ValueError("boom\x1b[2J")
    except ValueError:
        logging.getLogger("x").exception("failed")
    text = stream.getvalue()
    assert "ValueError: boom" in text
    assert "Traceback" in text
    assert "\x1b[2J" not in text
