"""How tests are run with a mechanism taken out, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations import run
from tests.mutations.mutation import Mutation

PASSES, FAILS, HANGS = "double(2) == 4", "double(2) == 5", "threading.Event().wait()"
MUTATION = Mutation("L1", "it does not double", "rule.py", "2 * number", "number", ("test_rule.py",))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src/tollkeeper").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "src/tollkeeper/__init__.py").touch()
    (tmp_path / "src/tollkeeper/rule.py").write_text("def double(number):\n    return 2 * number\n")
    return tmp_path


def write_test(tree: Path, condition: str) -> None:
    text = f"import threading\nfrom tollkeeper.rule import double\n\ndef test_it():\n    assert {condition}\n"
    (tree / "tests/test_rule.py").write_text(text)


@pytest.mark.parametrize(
    ("condition", "said"), [(PASSES, "red"), ("double(0) == 0", "GREEN"), ("double(", "no verdict")]
)
def test_what_is_said_of_a_mutation(tree: Path, capsys: pytest.CaptureFixture[str], condition: str, said: str) -> None:
    write_test(tree, condition)
    before = (tree / "src/tollkeeper/rule.py").read_text()
    assert run.judged(tree, MUTATION, 60) is (said == "red")
    assert f"L1  {said}" in capsys.readouterr().out
    assert (tree / "src/tollkeeper/rule.py").read_text() == before


def test_tests_that_hang_have_noticed_it_and_it_is_said(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_test(tree, HANGS)
    assert run.judged(tree, MUTATION, 0.5)
    assert capsys.readouterr().out == "L1  red    it does not double (the tests hung: over 0.5 s)\n"


@pytest.mark.parametrize("condition", [FAILS, PASSES])
def test_tests_that_fail_as_it_is_are_shown_and_nothing_is_taken_out(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], condition: str
) -> None:
    write_test(tree, condition)
    monkeypatch.setattr(run, "ROOT", tree)
    monkeypatch.setattr(run, "COPIED", ("src", "tests"))
    monkeypatch.setattr(run, "MUTATIONS", (MUTATION,))
    monkeypatch.setattr("sys.argv", ["mutations", "L1"])
    assert run.main() == (1 if condition is FAILS else 0)
    shown = capsys.readouterr()
    if condition is FAILS:
        assert "tests/test_rule.py::test_it" in shown.err
        assert "red" not in shown.out
    else:
        assert shown.out.endswith("1 of 1 are noticed\n")
