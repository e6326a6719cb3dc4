"""The table fits the code as it is. That its tests fail is for `scripts/mutations` to show."""

from __future__ import annotations

import pytest

from tests.mutations.run import ROOT, mutated
from tests.mutations.table import MUTATIONS, PROMISES, Mutation


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
    rows = [line for line in (ROOT / "docs" / "ledger.md").read_text().splitlines() if line.startswith("| L")]
    assert [row for row in rows if mutation.name in row and row.startswith(f"| {mutation.promise} |")]
