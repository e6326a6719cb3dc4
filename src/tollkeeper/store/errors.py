"""How a store fails. Every message is one line that may be shown to the operator; none holds a stored value."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be opened, read or written; what was asked did not happen."""


class StoreBusy(StoreError):
    """Another process has this database open."""
