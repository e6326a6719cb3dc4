"""Errors of shared counters."""

from __future__ import annotations


class CountersUnavailable(Exception):
    """The server of the counters did not answer in time. What the call may have taken there is given back."""
