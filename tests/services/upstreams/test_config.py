"""What an upstream is sent in headers, and what it is asked to be."""

from __future__ import annotations

from typing import Any

import pytest

from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI, OPENAI_COMPATIBLE, Kind
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig


def config(kind: Kind = OPENAI, **values: Any) -> UpstreamConfig:
    return UpstreamConfig("up", kind, "https://api.example", **values)


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        (config(OLLAMA), ()),
        (config(secret=Secret("s")), ((b"authorization", b"Bearer s"),)),
        (config(ANTHROPIC, secret=Secret("s")), ((b"x-api-key", b"s"), (b"anthropic-version", b"2023-06-01"))),
        (
            config(ANTHROPIC, headers=(("Anthropic-Version", Secret("2030-01-01")),)),
            ((b"anthropic-version", b"2030-01-01"),),
        ),
        (config(OPENAI_COMPATIBLE, headers=(("api-key", Secret("s")),)), ((b"api-key", b"s"),)),
        (config(OPENAI_COMPATIBLE, headers=(("Authorization", Secret("Token s")),)), ((b"authorization", b"Token s"),)),
    ],
)
def test_headers_of_every_request(made: UpstreamConfig, sent: object) -> None:
    assert made.sent_headers() == sent


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"secret": Secret("hidden\r\nx: y")}, "the value of 'authorization' cannot be sent"),
        ({"headers": (("x", Secret("hidden\n")),)}, "the value of 'x' cannot be sent"),
        ({"headers": (("x y", Secret("hidden")),)}, "cannot be the name"),
        ({"headers": (("Host", Secret("hidden")),)}, "leave it out"),
        ({"headers": (("x", Secret("hidden")), ("X", Secret("hidden")))}, "'X' would be sent twice"),
        ({"secret": Secret("hidden"), "headers": (("Authorization", Secret("hidden")),)}, "would be sent twice"),
        (
            {"kind": ANTHROPIC, "secret": Secret("hidden"), "headers": (("X-Api-Key", Secret("hidden")),)},
            "would be sent twice",
        ),
    ],
)
def test_headers_that_cannot_be_sent_are_refused_unseen(values: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as refused:
        config(**values)
    assert "hidden" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    made = config(secret=Secret("hidden"), headers=(("x", Secret("hidden")),))
    assert "hidden" not in repr(made)
    assert made == config(secret=Secret("hidden"), headers=(("x", Secret("hidden")),))
    assert made != config(secret=Secret("other"))
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_what_it_says_itself_replaces_what_its_kind_says() -> None:
    assert (config(OLLAMA).is_paid, config(OLLAMA, paid=True).is_paid, config(paid=False).is_paid) == (
        False,
        True,
        False,
    )
    assert (config(OLLAMA).needs_price, config(OLLAMA, paid=True).needs_price) == (False, True)
    assert (config(OPENAI_COMPATIBLE).needs_price, config(OPENAI_COMPATIBLE, paid=True).needs_price) == (False, True)
    assert (config().needs_price, config(paid=False).needs_price) == (True, False)
    assert (config(OLLAMA).most_running, config(OLLAMA, slots=0).most_running) == (OLLAMA.slots, 0)
    assert (config().cost_from, config(cost_source="upstream").cost_from) == ("price", "upstream")
    assert config().serves("/v1/chat/completions")
    assert not config().serves("/v1/messages")
    assert config(speaks=("/v1/messages",)).serves("/v1/messages")
