"""The client of an upstream, by its configuration."""

from __future__ import annotations

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.upstreams.http.helpers import hanging, post
from tollkeeper.rules.errors import UpstreamTimeout
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI
from tollkeeper.services.upstreams.config import Secret, TimeoutOverrides, UpstreamConfig
from tollkeeper.services.upstreams.http import Timeouts
from tollkeeper.services.upstreams.http.build import client_of, redactor_of
from tollkeeper.wire.http.proxies import Proxies

DIRECT = Proxies({})


async def test_it_signs_in_as_its_kind_does(up: ScriptedUpstream) -> None:
    up.always(json_response({}))
    config = UpstreamConfig("up", ANTHROPIC, f"{up.url}/v1", secret=Secret("hidden-secret"))
    client = client_of(config, Timeouts(), DIRECT)
    try:
        await (await post(client)).read_all(100)
        assert "hidden" not in repr(client) + repr(client._connector) + repr(client.redact)
    finally:
        await client.close()
    (request,) = up.requests
    assert request.target == "/v1/x"
    assert request.header("x-api-key") == b"hidden-secret"
    assert request.header("anthropic-version") == b"2023-06-01"
    assert client.is_paid
    assert client.redact("you sent hidden-secret") == "you sent [redacted]"


async def test_timeouts_of_the_upstream_and_of_its_models(up: ScriptedUpstream) -> None:
    up.always(hanging)
    config = UpstreamConfig(
        "up",
        OLLAMA,
        up.url,
        timeouts=TimeoutOverrides(first_byte=0.02),
        model_timeouts={"slow": TimeoutOverrides(first_byte=0.04), "other": TimeoutOverrides(event=7)},
    )
    client = client_of(config, Timeouts(connect=3, first_byte=9, event=8), DIRECT)
    try:
        for model, seconds in (("", 0.02), ("any", 0.02), ("slow", 0.04), ("other", 0.02)):
            lease = await client.acquire(model)
            with pytest.raises(UpstreamTimeout, match=f"within {seconds} s"):
                await lease.send(b"POST", b"/v1/x", (), b"")
        assert client._model_timeouts["other"] == Timeouts(3, 0.02, 7)
    finally:
        await client.close()
    assert not client.is_paid


def test_everything_secret_is_redacted() -> None:
    config = UpstreamConfig(
        "up",
        OPENAI,
        "https://me:password%2F1@api.example",
        secret=Secret("the-secret"),
        headers=(("x", Secret("the-header")),),
    )
    assert redactor_of(config)("the-secret, the-header, password/1, password%2F1") == ", ".join(["[redacted]"] * 4)
