"""A pull at one upstream: what its stream tells, and what is tried again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scripted import ScriptedUpstream, json_response, ollama_error
from tests.services.in_memory import Clock
from tests.services.lifecycle.conftest import SUCCESS, Held, broken_after, layer, pull_lines
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.rules.pull_failures import FEW, MANY, pause
from tollkeeper.services.lifecycle.pulling import Part, Puller
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.registry import Registry


class Rig:
    """A puller that does not wait; `slept` are its pauses, `states` those of the part at each change."""

    def __init__(self, registry: Registry) -> None:
        self.slept: list[float] = []
        self.states: list[str] = []
        self.part = Part("a")
        self.seconds = 0.0
        self.puller = Puller(
            registry, lambda config: HttpClient(config.base_url), Clock(), self._tick, stall=0.05, sleep=self._sleep
        )

    def _tick(self) -> float:
        self.seconds += 1
        return self.seconds

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def run(self, *, insecure: bool = False) -> Part:
        await self.puller.run(self.part, "tiny", lambda: self.states.append(self.part.state), insecure=insecure)
        return self.part

    @property
    def code(self) -> str | None:
        return self.part.failure and self.part.failure.code


@pytest.fixture
def rig(registry: Registry) -> Rig:
    return Rig(registry)


async def test_a_pull_succeeds(up: ScriptedUpstream, rig: Rig) -> None:
    up.answer(pull_lines({"status": "pulling manifest"}, layer(0), layer(60), layer(100), SUCCESS))
    part = await rig.run(insecure=True)
    assert up.calls("POST /api/pull")[0].json == {"model": "tiny", "insecure": True, "stream": True}
    assert (part.state, part.attempt, part.failure, part.progress.status) == ("succeeded", 1, None, "success")
    assert (part.progress.completed, part.progress.total) == (100, 100)
    assert rig.states[0] == "running"
    assert rig.states[-1] == "succeeded"
    await until(lambda: all(conn.disconnected.is_set() for conn in up.connections if conn.requests[0].method == "POST"))


async def test_what_never_passes_is_not_tried_again(up: ScriptedUpstream, rig: Rig) -> None:
    up.answer(pull_lines({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}))
    part = await rig.run()
    assert (part.state, rig.code, part.attempt, rig.slept) == ("failed", "model_unknown", 1, [])


async def test_a_refusal_by_status_is_read_like_one_in_the_stream(up: ScriptedUpstream, rig: Rig) -> None:
    up.answer(ollama_error(400, "invalid model name"))
    part = await rig.run()
    assert (part.state, rig.code, part.attempt) == ("failed", "invalid_name", 1)


async def test_a_wrong_digest_is_tried_once_more(up: ScriptedUpstream, rig: Rig) -> None:
    up.always(pull_lines(layer(0), layer(100), {"error": "digest mismatch, file must be downloaded again"}))
    part = await rig.run()
    assert (part.state, rig.code, part.attempt, rig.slept) == ("failed", "digest_mismatch", 2, [1.0])


async def test_a_broken_stream_is_tried_again_a_bounded_number_of_times(up: ScriptedUpstream, rig: Rig) -> None:
    up.always(broken_after(layer(50)))
    part = await rig.run()
    assert (part.state, rig.code, part.attempt) == ("failed", "upstream_gone", MANY + 1)
    assert rig.slept == [pause(retry) for retry in range(1, MANY + 1)]
    assert rig.states.count("waiting") == MANY


async def test_what_arrives_in_between_makes_the_count_begin_anew(up: ScriptedUpstream, rig: Rig) -> None:
    for done in range(2, 2 + 3 * FEW):
        up.answer(pull_lines(layer(done - 1), layer(done), {"error": "max retries exceeded: unexpected EOF"}))
    up.answer(pull_lines(layer(100), SUCCESS))
    part = await rig.run()
    assert (part.state, part.attempt, part.failure) == ("succeeded", 3 * FEW + 1, None)
    assert set(rig.slept) == {1.0}


async def test_an_upstream_that_is_away_is_waited_for(up: ScriptedUpstream, rig: Rig) -> None:
    await up.stop_listening()

    async def comes_back(seconds: float) -> None:
        rig.slept.append(seconds)
        if len(rig.slept) == 3:
            await up.listen()

    rig.puller._sleep = comes_back
    up.answer(pull_lines(SUCCESS))
    part = await rig.run()
    assert (part.state, part.attempt, rig.slept) == ("succeeded", 4, [1.0, 2.0, 4.0])


async def test_an_end_without_success_is_none(up: ScriptedUpstream, rig: Rig) -> None:
    up.answer(pull_lines(layer(100)), pull_lines(SUCCESS))
    part = await rig.run()
    assert (part.state, part.attempt) == ("succeeded", 2)


async def test_a_download_that_says_nothing_is_stalled(up: ScriptedUpstream, rig: Rig) -> None:
    up.answer(Held(layer(10)), pull_lines(SUCCESS))
    seen = []
    changed: Callable[[], None] = lambda: seen.append(rig.part.failure and rig.part.failure.code)  # noqa: E731
    await rig.puller.run(rig.part, "tiny", changed, insecure=False)
    assert "registry_cut" in seen
    assert (rig.part.state, rig.part.attempt) == ("succeeded", 2)


async def test_a_check_of_digests_may_say_nothing_for_long(up: ScriptedUpstream, rig: Rig) -> None:
    held = Held(layer(100), {"status": "verifying sha256 digest"})
    up.answer(held)
    rig.puller._stall = 30.0

    def changed() -> None:
        if rig.part.progress.status.startswith("verifying"):
            rig.puller._stall = 0.0  # whatever still counts as a download is stalled from now on
            held.go.set()

    await rig.puller.run(rig.part, "tiny", changed, insecure=False)
    assert (rig.part.state, rig.part.attempt) == ("succeeded", 1)


async def test_what_is_no_progress_is_told(up: ScriptedUpstream, rig: Rig) -> None:
    up.always(json_response("no object"))
    part = await rig.run()
    assert (part.state, rig.code) == ("failed", "upstream_error")
    assert "not JSON of its API" in str(part.failure and part.failure.message)


async def test_an_upstream_that_was_removed_ends_it(registry: Registry, rig: Rig) -> None:
    registry.remove("a")
    part = await rig.run()
    assert (part.state, rig.code) == ("failed", "upstream_removed")


async def test_an_upstream_of_another_kind_by_now_ends_it(registry: Registry, up: ScriptedUpstream, rig: Rig) -> None:
    registry.replace(UpstreamConfig("a", OPENAI_COMPATIBLE, up.url))
    part = await rig.run()
    assert (part.state, rig.code) == ("failed", "upstream_removed")
    assert not up.calls("POST /api/pull")
