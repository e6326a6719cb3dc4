"""The exception of commands that fail."""

from __future__ import annotations


class Failure(Exception):
    """Failure of a command, with exit code 1. The message says what is wrong and what to do."""
