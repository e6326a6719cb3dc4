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
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutations.mutation import Mutation
from tests.mutations.table import MUTATIONS, PROMISES

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "docs", "pyproject.toml", "README.md")
OUTCOMES = {0: "GREEN", 1: "red"}
"""By pytest's exit code; any other is neither: the tests did not run."""
PATIENCE = 300
"""Seconds after which tests that hang count as red: taking a mechanism out may well do that."""
HUNG = 1


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
        if code := tested(tree, sorted({test for mutation in chosen for test in mutation.tests})):
            print(f"the tests do not pass as it is (pytest: {code}): nothing is known of any mutation", file=sys.stderr)
            return 1
        survivors = [mutation.name for mutation in chosen if not judged(tree, mutation)]
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


def judged(tree: Path, mutation: Mutation) -> bool:
    """Whether a test fails with the mutation in place; says so. The tree is as before afterwards."""
    file = tree / "src" / "tollkeeper" / mutation.file
    before = file.read_text()
    file.write_text(mutated(before, mutation))
    try:
        code = tested(tree, mutation.tests)
    finally:
        file.write_text(before)
    outcome = OUTCOMES.get(code, f"no verdict ({code})")
    print(f"{mutation.promise}  {outcome:5}  {mutation.name}", flush=True)
    return outcome == "red"


def mutated(text: str, mutation: Mutation) -> str:
    """Raises ValueError where the table no longer fits the code."""
    if text.count(mutation.text) != 1:
        raise ValueError(f"{mutation.text!r} stands {text.count(mutation.text)} times in {mutation.file}, not once")
    changed = text.replace(mutation.text, mutation.instead)
    compile(changed, mutation.file, "exec")
    return changed


def tested(tree: Path, tests: Iterable[str]) -> int:
    """Pytest's exit code for these tests of a tree."""
    # No bytecode: a file that is changed twice in a second may have that of its other text.
    environment = os.environ | {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command: Sequence[str] = (sys.executable, "-m", "pytest", "-x", *(f"tests/{test}" for test in tests))
    try:
        return subprocess.run(
            command,
            cwd=tree,
            env=environment,
            timeout=PATIENCE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        return HUNG


if __name__ == "__main__":
    sys.exit(main())
