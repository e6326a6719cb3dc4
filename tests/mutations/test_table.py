"""The table fits the code as it is. That its tests fail is for `scripts/mutations` to show."""

from __future__ import annotations

import pytest

from tests.docs.tables import rows, section
from tests.mutations.mutation import Mutation
from tests.mutations.run import ROOT, mutated
from tests.mutations.table import MUTATIONS, PROMISES

NAMED = [
    row
    for document in ("docs/ledger.md", "SECURITY.md", "docs/alerts.md", "docs/limits.md")
    for row in rows(section(document, "Shown to be needed"), first="")
]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_can_be_made_and_its_tests_are_there(mutation: Mutation) -> None:
    before = (ROOT / "src" / "tollkeeper" / mutation.file).read_text()
    assert mutated(before, mutation) != before
    for test in mutation.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / "tests" / file).read_text()


def test_each_promise_has_one() -> None:
    assert {mutation.promise for mutation in MUTATIONS} == set(PROMISES)


def test_a_table_that_no_longer_fits_says_so() -> None:
    with pytest.raises(ValueError, match="stands 2 times"):
        mutated("a a", MUTATIONS[0]._replace(text="a"))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_document_names_it(mutation: Mutation) -> None:
    [row] = [(promise, tests) for promise, name, tests in NAMED if name == mutation.name]
    assert row == (mutation.promise, ", ".join(f"`{file}`" for file in files_of(mutation)))


def test_the_document_names_no_other() -> None:
    assert {name for _, name, _ in NAMED} == {mutation.name for mutation in MUTATIONS}


def files_of(mutation: Mutation) -> list[str]:
    return list(dict.fromkeys(test.partition("::")[0] for test in mutation.tests))
