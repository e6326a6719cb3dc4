"""Takes each mechanism of the table out of a copy of the tree, and demands that a test fails.

python -m tests.mutations.run [L1 …]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS, PROMISES

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "docs", "pyproject.toml", "README.md")
HUNG = -1
OUTCOMES = {0: "GREEN", 1: "red", HUNG: "red"}
"""By pytest's exit code; any other is neither: the tests did not run."""
PATIENCE = 300.0
"""Seconds after which tests hang, at least. Taking a mechanism out may well do that, and it counts as red; but on a
machine that is busy, tests that pass take longer, too."""
TIMES_LONGER = 5
"""How much longer than all tests took as they are those of one mutation may take before they hang."""


class Tested(NamedTuple):
    """Pytest's exit code, or HUNG, and what it printed."""

    code: int
    output: str


def main() -> int:
    parser = argparse.ArgumentParser("scripts/mutations", description="Do the tests fail without what they are for?")
    parser.add_argument("promise", nargs="*", metavar="PROMISE", help=f"of {', '.join(PROMISES)}; all by default")
    wanted = parser.parse_args().promise or PROMISES
    chosen = [mutation for mutation in MUTATIONS if mutation.promise in wanted]
    if not chosen:
        parser.error("no such promise")
    print(f"{len(chosen)} mutations; first the tests as they are", flush=True)
    with tempfile.TemporaryDirectory(prefix="tollkeeper-mutations-") as name:
        tree = Path(name)
        copy(tree)
        began = time.monotonic()
        as_it_is = tested(tree, sorted({test for mutation in chosen for test in mutation.tests}), patience=None)
        if as_it_is.code:
            print(as_it_is.output, file=sys.stderr)
            print("The tests do not pass as it is: nothing is known of any mutation.", file=sys.stderr)
            return 1
        patience = max(PATIENCE, TIMES_LONGER * (time.monotonic() - began))
        survivors = [mutation.name for mutation in chosen if not judged(tree, mutation, patience)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} are noticed")
    return 1 if survivors else 0


def copy(tree: Path) -> None:
    """What the tests need, as it stands here."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)


def judged(tree: Path, mutation: Mutation, patience: float) -> bool:
    """Whether a test fails with the mutation in place; says so. The tree is as before afterwards."""
    file = tree / "src" / "tollkeeper" / mutation.file
    before = file.read_text()
    file.write_text(mutated(before, mutation))
    try:
        code = tested(tree, mutation.tests, patience).code
    finally:
        file.write_text(before)
    outcome = OUTCOMES.get(code, f"no verdict ({code})")
    hung = f" (the tests hung: over {patience:.3g} s)" if code == HUNG else ""
    print(f"{mutation.promise}  {outcome:5}  {mutation.name}{hung}", flush=True)
    return outcome == "red"


def mutated(text: str, mutation: Mutation) -> str:
    """Raises ValueError where the table no longer fits the code."""
    if text.count(mutation.text) != 1:
        raise ValueError(f"{mutation.text!r} stands {text.count(mutation.text)} times in {mutation.file}, not once")
    changed = text.replace(mutation.text, mutation.instead)
    compile(changed, mutation.file, "exec")
    return changed


def tested(tree: Path, tests: Iterable[str], patience: float | None) -> Tested:
    """Run these tests of a tree. `patience` None: for as long as they take."""
    # No bytecode: a file that is changed twice in a second may have that of its other text.
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command: Sequence[str] = (sys.executable, "-m", "pytest", "-x", *(f"tests/{test}" for test in tests))
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            timeout=patience,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Tested(HUNG, "")
    return Tested(done.returncode, done.stdout)


if __name__ == "__main__":
    sys.exit(main())
