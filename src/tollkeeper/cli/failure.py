"""How a command says that it could not do its work."""

from __future__ import annotations


class Failure(Exception):
    """The command ends with exit code 1. The message says what was wrong and what to do."""
