"""Errors of a store. Every message is one line that may be shown to the operator; none contains a stored value."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be opened, read or written; the operation had no effect."""


class StoreBusy(StoreError):
    """Another process has this database open."""


class StoreConflict(StoreError):
    """A value was changed by another writer after it was read. Read it again, then decide again."""


class StoreMissing(StoreError):
    """There is no database, but files that belong to one lie beside its path."""


class StoreTimeout(StoreError):
    """A question takes longer than it may."""


class StoreOverloaded(StoreError):
    """Others ask too much for a question to have its turn."""
