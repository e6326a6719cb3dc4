"""The hash chain over rows: which values of a row its hash covers, by version of the encoding (`rules/chain.py`).

A row does not store the version that it was chained with: it is the one that reproduces the stored hash. Versions only
increase along the chain, and fields that a version does not cover must have their default values.

The oldest version that is still found is 5, the first over opaque ids and digests: revision 0014 of the database
chained all earlier records anew, from the hash of the last one on.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from tollkeeper.rules.chain import link
from tollkeeper.store.ports.record_fields import FIELDS, Fields, chain_version, covered, stored
from tollkeeper.store.sql.rows import Row

OLDEST = 5
"""The oldest version that a row can be chained with."""
Link = Callable[[bytes, int, Row], bytes]
"""Function from the previous hash, a record's number and its row to the record's hash."""


def linker(fields: Fields, version: int) -> Link:
    """The link function for rows of these fields in one version."""
    columns = stored(fields)
    places = [columns.index(field) for field in covered(fields, version)]
    pick = itemgetter(*places)
    return lambda previous, seq, row: link(previous, seq, pick(row), version)


link_row = linker(FIELDS, chain_version(FIELDS))
"""The link function of the current version, with which records are written."""


class ChainReader:
    """Checks the hashes of records in order, and finds the version that each was chained with."""

    def __init__(self, fields: Fields = FIELDS, oldest: int = OLDEST) -> None:
        self.version = oldest
        """The version of the last record."""
        self._links = [linker(fields, version) for version in range(1, chain_version(fields) + 1)]
        columns = stored(fields)
        self._later = [
            [(columns.index(field), field.default) for field in columns if (field.since or 0) > version]
            for version in range(1, len(self._links) + 1)
        ]

    def __repr__(self) -> str:
        return f"ChainReader(version={self.version})"

    def holds(self, previous: bytes, seq: int, row: Row, kept: bytes) -> bool:
        """Whether `kept` is the hash of this row after `previous`."""
        for version in range(self.version, len(self._links) + 1):
            if self._links[version - 1](previous, seq, row) == kept:
                self.version = version
                return all(row[place] == default for place, default in self._later[version - 1])
        return False
