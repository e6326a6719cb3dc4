"""Tables, counts, and lines without control characters."""

import sys

import pytest

from tollkeeper.cli.terminal import Column, counted, print_facts, print_table, printable, transfers

COLUMNS = (Column("id", folded=True), Column("count", right=True), Column("address", shortened=True))
ADDRESS = "https://" + "a" * 80


def on_a_terminal(monkeypatch):
    """Of 80 columns, without colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


def test_on_a_terminal_a_long_cell_is_shortened(monkeypatch, capsys):
    on_a_terminal(monkeypatch)
    print_table(COLUMNS, [("azure", "7", ADDRESS), ("b", "12", "c")])
    head, long, short = capsys.readouterr().out.splitlines()
    assert head.rstrip() == "id     count  address"
    assert long == "azure      7  " + ADDRESS[:65] + "…"
    assert short.rstrip() == "b         12  c"


def test_on_a_terminal_a_long_id_is_folded(monkeypatch, capsys):
    on_a_terminal(monkeypatch)
    print_table(COLUMNS, [("b" * 64, "12", ADDRESS)])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first == "b" * 55 + "     12  " + ADDRESS[:15] + "…"
    assert second.rstrip() == "b" * 9


def test_elsewhere_each_row_is_one_line_with_all_of_it(capsys):
    print_table(COLUMNS, [("b" * 64, "7", ADDRESS), ("a", "12", "[red]\x1b[31m")])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["id", "count", "address"],
        ["b" * 64, "7", ADDRESS],
        ["a", "12", r"[red]\x1b[31m"],
    ]


def test_facts_fit_the_terminal(monkeypatch, capsys):
    on_a_terminal(monkeypatch)
    print_facts([("id", "a"), ("models", "m" * 100)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["id", "a"], ["models", "m" * 72], ["m" * 28]]


@pytest.mark.parametrize(
    ("line", "shown"), [("plain é", "plain é"), ("\x1b[31m", r"\x1b[31m"), ("a\nb", r"a\nb"), ("\u202e", r"\u202e")]
)
def test_unprintable_characters_are_escaped(line, shown):
    assert printable(line) == shown


@pytest.mark.parametrize(("count", "words"), [(0, "0 records"), (1, "1 record"), (2, "2 records")])
def test_counted(count, words):
    assert counted(count, "record") == words


def test_transfers_have_bars_on_a_terminal_only(monkeypatch, capsys):
    def show_two():
        with transfers() as show:
            show("a", "pulling [red]ab\x1b[31m", 0, 0)
            show("a", "pulling [red]ab\x1b[31m", 500_000, 1_000_000)
            show("b", "queued", 0, 0)

    show_two()
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show_two()
    shown = capsys.readouterr().err
    assert r"a: pulling [red]ab\x1b[31m" in shown
    assert "b: queued" in shown
    assert "0.5/1.0 MB" in shown
