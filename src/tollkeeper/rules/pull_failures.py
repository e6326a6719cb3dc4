"""Failures of pulls, as upstreams word them: what each means, what to do about it, and whether to try again.

The words are those of Ollama (`server/images.go`, `server/download.go`) and of Go's and the system's network errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class PullFailure(NamedTuple):
    """Why a pull failed. `code` is for programs, `message` for people. `retries`: how often it is tried again.
    `passing`: that is counted anew where more of the model has arrived in between."""

    code: str
    message: str
    retries: int
    passing: bool = False


class _Row(NamedTuple):
    code: str
    words: str
    message: str
    retries: int
    passing: bool = False


FEW, MANY = 5, 30
"""Retries: of what seldom passes by itself; and of what does once a machine or a network is back, in half an hour."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the first retry; each further one waits twice as long, up to the longest."""

_ROWS: Sequence[_Row] = (
    _Row(
        "disk_full",
        r"no space left on device|not enough space|disk quota exceeded|insufficient (disk )?space",
        "The upstream's disk is full. Delete models there (or make room), then pull again: what has arrived is kept.",
        0,
    ),
    _Row(
        "digest_mismatch",
        r"digest mismatch",
        "What the registry sent is not what its digest says, so the upstream threw it away. The registry's file is"
        " damaged, or something on the way changes it.",
        1,
    ),
    _Row(
        "model_unknown",
        r"file does not exist|manifest unknown|model .*not found|name unknown|repository .*not found",
        "The registry has no model of this name and tag. Check the spelling.",
        0,
    ),
    _Row(
        "invalid_name",
        r"invalid model name|invalid model path|unqualified name|invalid name",
        "The upstream takes this for no name of a model. It is written name:tag, namespace/name:tag, or with the host"
        " of a registry before that.",
        0,
    ),
    _Row(
        "insecure_registry",
        r"insecure protocol http|server gave HTTP response to HTTPS client",
        'The registry speaks plain http. Where you trust the way to it, pull with "insecure": true.',
        0,
    ),
    _Row(
        "upstream_too_old",
        r"requires a newer version",
        "The model needs a newer version of the upstream's software. Upgrade it, then pull again.",
        0,
    ),
    _Row(
        "registry_refuses",
        r"unauthorized|access denied|forbidden|\b40[13]\b|no basic auth credentials",
        "The registry refuses the upstream this model: it is private, or the upstream is not signed in there.",
        0,
    ),
    _Row(
        "registry_unreachable",
        r"no such host|connection refused|network is unreachable|no route to host|tls: |certificate|dial tcp",
        "The upstream cannot reach the registry. Check its network, and the name of the registry.",
        FEW,
        passing=True,
    ),
    _Row(
        "registry_cut",
        r"\bEOF\b|connection reset|broken pipe|timeout|timed out|deadline exceeded|max retries exceeded|\b(429|5\d\d)\b"
        r"|stalled",
        "The registry's connection broke again and again, or it had errors of its own.",
        FEW,
        passing=True,
    ),
    _Row(
        "disk_failed",
        r"input/output error|read-only file system|permission denied|file too large",
        "The upstream cannot write its folder of models. Check its disk and rights.",
        0,
    ),
)
_ENDING = r"context canceled|server (is )?(shutting down|closed)"
"""What an upstream says that is being ended."""
_OTHER = _Row("upstream_error", "", "The upstream could not pull the model.", 2)
GONE = PullFailure(
    "upstream_gone",
    "The connection to the upstream broke, and it could not be reached again. Is it running?",
    MANY,
    passing=True,
)
"""The failure of an upstream that does not answer, or whose answer broke off: it may have been restarted."""


def explain(text: str) -> PullFailure:
    """The failure that an upstream tells by `text`, which its message ends with."""
    if re.search(_ENDING, text, re.IGNORECASE):
        return GONE
    found = next((row for row in _ROWS if re.search(row.words, text, re.IGNORECASE)), _OTHER)
    told = " ".join(text.split())[:300].rstrip(".")
    message = f"{found.message} It says: {told}." if told else found.message
    return PullFailure(found.code, message, found.retries, found.passing)


def pause(retry: int) -> float:
    """Seconds before a retry, the first being 1."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(retry - 1, 16)))
