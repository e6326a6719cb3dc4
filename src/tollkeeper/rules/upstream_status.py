"""The gateway's error for an upstream's error: what the client sees, and whether retrying may help."""

from __future__ import annotations

import re
from typing import NamedTuple

from tollkeeper.rules.errors import (
    CredentialsRefused,
    GatewayError,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamRefusal,
    UpstreamTimeout,
)
from tollkeeper.rules.outcomes import Outcome

REQUEST_STATUSES = frozenset({400, 404, 413, 422})
CREDENTIAL_STATUSES = frozenset({401, 402, 403})
OVERLOAD_STATUSES = frozenset({429, 503, 529})
TIMEOUT_STATUSES = frozenset({504, 524})
INSUFFICIENT_QUOTA = "insufficient_quota"
"""The code of a 429 that means that the account which the operator has there is used up."""
UNSUPPORTED_STATUSES = frozenset({501, 505, 506, 508, 510})
PERMANENT_STATUSES = frozenset(
    {*range(300, 400), 405, 406, 410, 411, 414, 415, 417, 426, 431, 451, *UNSUPPORTED_STATUSES}
)
"""Statuses of requests that the upstream will not take the next time either."""


class PermanentFailure(NamedTuple):
    """A failure that retrying cannot cure, though its status suggests otherwise: it is recognised by its text.
    `pattern` finds that text, which cannot hold a secret; `message` may repeat it, as `{match}`. `reason` is the code
    in the record, where it is not that of all such errors."""

    pattern: re.Pattern[str]
    status: int
    message: str
    reason: str | None = None


def _row(pattern: str, status: int, message: str, reason: str | None = None) -> PermanentFailure:
    return PermanentFailure(re.compile(pattern, re.IGNORECASE), status, message, reason)


CONTEXT_EXCEEDED = "context_length_exceeded"
_CONTEXT_CODES = frozenset({CONTEXT_EXCEEDED, "exceed_context_size_error", "string_above_max_length"})
"""Codes of upstreams for a request that is longer than the context: OpenAI's, llama.cpp's."""
# Of OpenAI, vLLM and OpenRouter; Anthropic; Gemini; Ollama and llama.cpp.
_CONTEXT_WORDS = re.compile(
    r"maximum context length|prompt is too long|exceeds? the maximum number of tokens"
    r"|exceeds? (?:the )?(?:maximum |available )?context|context (?:length|size|window)[a-z ]{0,20} exceeded"
    r"|exceeds? [a-z' ]{0,20}context (?:length|size|window)",
    re.IGNORECASE,
)
_SIZE = r"\([0-9.]{1,9} ?[kmgtp]?i?b\)"
PERMANENT_FAILURES = (
    # In Ollama's server.go, with 500.
    _row(
        rf"model requires more (?:system )?memory {_SIZE} than is (?:currently )?available {_SIZE}",
        502,
        "The upstream has too little memory for this model: {match}. Choose a smaller model.",
    ),
    _row(
        r"this model is not supported by your version of ollama",
        502,
        "The upstream cannot run this model: {match}. Choose another, or ask the operator to upgrade it.",
    ),
    # From Ollama's runner with 500, from llama.cpp with 501.
    _row(
        r"this (?:model|server) does not support embeddings",
        400,
        "The upstream gives no embeddings of this model: {match}. Choose an embedding model.",
    ),
    # From llama.cpp and from Ollama's models, with 500.
    _row(
        r"image input is not supported|this model is missing data required for image input",
        400,
        "This model takes no images: {match}. Send text only, or choose a vision model.",
    ),
    _row(r"audio input is not supported", 400, "This model takes no audio: {match}. Send text only."),
    # From llama.cpp, with 500.
    _row(
        r"input (?:\([0-9]{1,9} tokens\) )?is too large to process",
        400,
        "The upstream cannot read so long an input at once: {match}. Send a shorter one.",
    ),
    # From Ollama's embeddings, and from llama.cpp with 500 when the context fills up on the way.
    _row(
        r"input (?:length )?exceeds (?:the )?(?:maximum |available )?context (?:length|size)"
        r"|context size has been exceeded",
        400,
        "The request is longer than the context of this model: {match}. Send a shorter one.",
        CONTEXT_EXCEEDED,
    ),
)
_MAX_TEXT = 4000
"""Characters of a message that are searched."""


def permanent_failure(text: str) -> GatewayError | None:
    """The error for an upstream's message that means a permanent failure; None for any other message."""
    for row in PERMANENT_FAILURES:
        found = row.pattern.search(text[:_MAX_TEXT])
        if found is not None:
            message = row.message.format(match=found[0])
            if row.status == 400:
                refusal = UpstreamRefusal(message)
                refusal.reason = row.reason
                return _of(refusal, Outcome.REFUSED)
            failure = UpstreamFailure(message, status=row.status, detail=text, should_retry=False)
            return _of(failure, Outcome.MODEL_FAILED)
    return None


def upstream_failure(message: str, text: str) -> GatewayError:
    """The error for a failure that an upstream reports with `text`. `message` is used unless `text` means a permanent
    failure."""
    return permanent_failure(text) or _of(UpstreamFailure(message, detail=text), Outcome.MODEL_FAILED)


def upstream_error(
    status: int,
    message: str,
    retry_after: float | None,
    *,
    code: str | None = None,
    own_code: str | None = None,
    well_formed: bool = True,
) -> GatewayError:
    """The error for an upstream's response with a `status` other than 200 and this `message`, and its outcome.

    Only what it says about the request itself is passed on: messages about its own failures may name its hosts, files
    or secrets, and are for the operator. Where retrying cannot help, the error keeps clients from it. `code` is that of
    the response, where it is INSUFFICIENT_QUOTA; `own_code` whatever short code it has, for the record; `well_formed`:
    the response is an error of its API, not a page of something before it.
    """
    error = _error(status, message, retry_after, used_up=status == 429 and code == INSUFFICIENT_QUOTA)
    error.upstream_status, error.upstream_code = status, own_code
    if status in REQUEST_STATUSES and (own_code in _CONTEXT_CODES or _CONTEXT_WORDS.search(message[:_MAX_TEXT])):
        error.reason = CONTEXT_EXCEEDED
    return error if error.outcome is not None else _of(error, _outcome(status, well_formed=well_formed))


def _of(error: GatewayError, outcome: Outcome) -> GatewayError:
    error.outcome = outcome
    return error


_OUTCOMES = {
    401: Outcome.OPERATOR_FAULT,
    402: Outcome.OPERATOR_FAULT,
    403: Outcome.FORBIDDEN,
    404: Outcome.MODEL_MISSING,
    429: Outcome.OVERLOADED,
    503: Outcome.UNAVAILABLE,
    529: Outcome.OVERLOADED,
    **dict.fromkeys(UNSUPPORTED_STATUSES, Outcome.UNSUPPORTED),
    **dict.fromkeys(TIMEOUT_STATUSES, Outcome.TOO_SLOW),
    **dict.fromkeys({400, 413, 422}, Outcome.REFUSED),
}


def _outcome(status: int, *, well_formed: bool) -> Outcome:
    """The outcome that a status means. What no other upstream of the kind would do either is unexpected."""
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    if status < 500:
        return Outcome.UNEXPECTED
    return Outcome.MODEL_FAILED if status == 500 and well_formed else Outcome.BAD_GATEWAY


def _error(status: int, message: str, retry_after: float | None, *, used_up: bool) -> GatewayError:
    if status in REQUEST_STATUSES:
        return UpstreamRefusal(message, status=status)
    if status in CREDENTIAL_STATUSES:
        return CredentialsRefused(
            "The upstream refuses this gateway's own credentials. Its operator has been notified.",
            detail=f"{status} {message}",
            should_retry=False,
        )
    if used_up:
        error = CredentialsRefused(
            "The account of this gateway at the upstream is used up. Its operator has been notified.",
            detail=f"{status} {message}",
            should_retry=False,
        )
        return _of(error, Outcome.OPERATOR_FAULT)
    if (never := permanent_failure(message)) is not None:
        return never
    if status in OVERLOAD_STATUSES:
        return ServerOverloaded(
            "The upstream has no room right now. Try again later.", retry_after=retry_after, detail=message
        )
    if status in TIMEOUT_STATUSES:
        return UpstreamTimeout(
            f"The upstream did not answer in time (status {status}). Try again later.", detail=message
        )
    if status in PERMANENT_STATUSES:
        reason = f": {message.strip().rstrip('.')}" if is_harmless(message) else ""
        return UpstreamFailure(
            f"The upstream does not do this (status {status}){reason}. Trying again will not help.",
            detail=message,
            should_retry=False,
        )
    return UpstreamFailure(f"The upstream failed with status {status}. Try again later.", detail=message)


_WORD = r"[(\"'`-]{0,4}(?:[A-Za-z]{1,20}(?:['’-][A-Za-z]{1,20})*|[0-9]{1,6}(?:\.[0-9]{1,3})?)[)\"'`.,;:!?]{0,4}"
_WORDS = re.compile(rf"\s*{_WORD}(?: {_WORD}){{0,40}}\s*")
_CREDENTIAL_WORDS = re.compile(
    r"\b(?:keys?|token|passwords?|passwd|secrets?|credentials?|bearer|authorization)\b", re.IGNORECASE
)


def is_harmless(text: str) -> bool:
    """Whether a text is plain words, without hosts, addresses, files or anything that could be a key."""
    return len(text) <= 200 and _WORDS.fullmatch(text) is not None and _CREDENTIAL_WORDS.search(text) is None
