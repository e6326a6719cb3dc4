"""Standard output that cannot be written to."""

import subprocess
import sys

import pytest

PROGRAM = (
    "from tollkeeper.cli.standard import say, open_missing; open_missing(); raise SystemExit(0 if say('hello') else 3)"
)


def run(redirection):
    command = ["sh", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, PROGRAM]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("redirection", "code", "out", "err"),
    [
        ("", 0, "hello\n", ""),
        (">/dev/full", 0, "", "hello\n"),
        (">&-", 0, "", "hello\n"),
        (">&- 2>&-", 3, "", ""),
        (">/dev/full 2>/dev/full", 3, "", ""),
    ],
)
def test_a_line_is_printed_on_the_first_stream_that_accepts_it(redirection, code, out, err):
    done = run(redirection)
    assert (done.returncode, done.stdout, done.stderr) == (code, out, err)
