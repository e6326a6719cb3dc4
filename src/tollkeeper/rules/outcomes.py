"""Outcomes: the ways in which an attempt at an upstream can fail, as far as what to do next differs."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """How an attempt failed. The value says it in the documents."""

    UNREACHABLE = "refused, unreachable, name or TLS failure: nothing was sent"
    PARTLY_SENT = "connection closed before the request was wholly written"
    BROKEN = "closed, reset or garbage after it was wholly written"
    MODEL_MISSING = "404 for the model"
    OVERLOADED = "429, 529"
    UNAVAILABLE = "503"
    OPERATOR_FAULT = "401, 402, 429 `insufficient_quota` (the operator's fault)"
    FORBIDDEN = "403 (the operator's fault)"
    MODEL_FAILED = "500"
    BAD_GATEWAY = "502"
    UNSUPPORTED = "501, 505, 506, 508, 510"
    TOO_SLOW = "504, 524, first byte too late"
    REFUSED = "400, 413, 422"
    UNEXPECTED = "another 4xx"
    TOO_LONG = "an answer, or an event of it, that is longer than the settings allow"
    STREAM_DIED = "anything, after an event of the answer went to the client"

    __repr__ = Enum.__str__
