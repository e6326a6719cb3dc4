"""`tollkeeper models …`, as an admin runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import Gateway
from tests.scripted import ScriptedUpstream, json_response, ollama_error
from tests.services.lifecycle.conftest import DIGEST, SUCCESS, Held, layer, pull_lines
from tollkeeper.cli.admin import models
from tollkeeper.cli.admin.client import AdminClient, ConnectionFailure, Object
from tollkeeper.cli.failure import Failure

TAG = {
    "model": "tiny:latest", "digest": DIGEST, "modified_at": "2026-11-20T12:00:00Z", "size": 1_300_000_000,
    "details": {"family": "llama", "parameter_size": "1.2B", "quantization_level": "Q8_0"},
}  # fmt: skip


@pytest.fixture(autouse=True)
async def _known(up: ScriptedUpstream, gateway: Gateway) -> None:
    up.route("GET /api/tags", json_response({"models": [TAG]}))
    up.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest", "size": 2000, "expires_at": "x"}]}))
    up.route("POST /api/generate", json_response({}))
    await gateway.context.catalog.refresh()


async def test_list(admin: Ask) -> None:
    await admin("models", "load", "tiny")
    listed = await admin("models", "list")
    assert (listed.code, listed.err) == (0, "")
    head, row = listed.lines
    assert head.split()[:3] == ["model", "upstream", "size"]
    assert row.split() == [
        "tiny:latest", "default", "1.3", "GB", "1.2B", "Q8_0", "2.0", "kB", "-", "0", "-",
    ]  # fmt: skip
    (line,) = (await admin("models", "list", "--json")).lines
    assert json.loads(line)["places"][0]["digest"] == DIGEST


async def test_load_unload_copy_and_remove(admin: Ask, up: ScriptedUpstream) -> None:
    up.route("POST /api/copy", json_response({}))
    up.route("DELETE /api/delete", json_response({}))
    assert await admin("models", "load", "tiny", "--keep-alive", "60") == (0, "Loaded tiny:latest at default.\n", "")
    assert up.calls("POST /api/generate")[-1].json["keep_alive"] == 60
    assert await admin("models", "unload", "tiny", "--upstream", "default") == (
        0, "Unloaded tiny:latest at default.\n", "",
    )  # fmt: skip
    assert await admin("models", "copy", "tiny", "mine") == (0, "Copied tiny:latest at default.\n", "")
    ended = await admin("models", "rm", "tiny", "--force", "--json")
    assert (ended.code, json.loads(ended.out)["upstreams"]) == (0, ["default"])
    assert up.calls("DELETE /api/delete")[0].json == {"model": "tiny:latest"}


async def test_what_an_upstream_refuses(admin: Ask, up: ScriptedUpstream) -> None:
    up.route("POST /api/generate", ollama_error(500, "out of memory"))
    ended = await admin("models", "load", "tiny")
    assert (ended.code, ended.out) == (1, "")
    assert "out of memory" in ended.err
    assert ended.err.count("\n") == 1


async def test_pin_and_unpin(admin: Ask) -> None:
    assert await admin("models", "pin", "tiny") == (0, "tiny:latest is pinned: it is kept in memory.\n", "")
    ended = await admin("models", "pin", "tiny", "--digest", "current", "--not-loaded")
    assert ended == (0, f"tiny:latest is pinned: its name serves {DIGEST[:12]} only.\n", "")
    refused = await admin("models", "rm", "tiny")
    assert refused.code == 1
    assert "is pinned" in refused.err
    assert (await admin("models", "list")).lines[1].split()[-3] == "digest"
    assert await admin("models", "unpin", "tiny") == (0, "tiny:latest is no longer pinned.\n", "")


async def test_evict(admin: Ask, up: ScriptedUpstream) -> None:
    up.route("DELETE /api/delete", json_response({}))
    words = ("models", "evict", "--after", "0", "--how", "delete")
    assert await admin(*words, "--dry-run") == (0, "tiny:latest at default would be deleted.\n", "")
    assert await admin(*words) == (0, "tiny:latest at default was deleted.\n", "")
    up.route("DELETE /api/delete", ollama_error(500, "no"))
    ended = await admin(*words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("tollkeeper: tiny:latest at default: ")
    await admin("models", "pin", "tiny")
    assert await admin(*words) == (0, "There is nothing to evict.\n", "")


async def test_pull_shows_the_end(admin: Ask, up: ScriptedUpstream) -> None:
    up.answer(pull_lines(layer(0), layer(100), SUCCESS))
    assert await admin("models", "pull", "new", "--insecure") == (0, "Pulled new at default.\n", "")
    assert up.calls("POST /api/pull")[0].json["insecure"] is True
    up.answer(pull_lines({"error": "no space left on device"}))
    ended = await admin("models", "pull", "newer", "--json")
    assert (ended.code, json.loads(ended.out)["state"]) == (1, "failed")
    assert ended.err.startswith("tollkeeper: default: The upstream's disk is full.")
    listed = await admin("models", "jobs")
    assert [line.split()[1:3] for line in listed.lines[1:]] == [["newer", "failed"], ["new", "succeeded"]]
    assert len((await admin("models", "jobs", "--json")).lines) == 2


async def test_a_pull_may_be_left_followed_and_cancelled(admin: Ask, up: ScriptedUpstream) -> None:
    held = Held(layer(10))
    up.answer(held)
    ended = await admin("models", "pull", "new", "--detach")
    job_id = ended.out.split("`")[1].split()[-1]
    assert (ended.code, ended.out.startswith(f"new is being pulled by {job_id}.")) == (0, True)
    cancelled = await admin("models", "cancel", job_id)
    assert cancelled.out == f"{job_id} is cancelled. What has arrived stays at the upstream.\n"
    await held.left.wait()
    assert await admin("models", "follow", job_id) == (1, "", f"tollkeeper: {job_id} was cancelled\n")
    unknown = await admin("models", "follow", "job_nope")
    assert (unknown.code, unknown.err[:45]) == (1, "tollkeeper: There is no job 'job_nope'. GET /")


class Scripted(AdminClient):
    """One that gets these events: a job, or what is raised instead."""

    def __init__(self, *streams: Sequence[Object | BaseException]) -> None:
        super().__init__("http://127.0.0.1:9", "key")
        self._streams = list(streams)

    def events(self, path: str, shape: type[object]) -> Iterator[object]:  # type: ignore[override]
        for each in self._streams.pop(0):
            if isinstance(each, BaseException):
                raise each
            yield each


def job(done: int, ended: str | None = None) -> Object:
    part = {
        "upstream": "a", "state": "running", "status": "pulling ab", "completed_bytes": done, "total_bytes": 9,
        "error": None,
    }  # fmt: skip
    return {"id": "job_1", "model": "m", "state": "succeeded" if ended else "running", "ended_at": ended,
            "upstreams": [part]}  # fmt: skip


def test_who_leaves_is_told_that_the_pull_goes_on() -> None:
    client = Scripted([job(1), KeyboardInterrupt()])
    with pytest.raises(Failure) as left:
        models._follow(client, job(0), as_json=False)
    assert str(left.value) == (
        "the pull goes on without you: `tollkeeper models follow job_1` shows it again, `tollkeeper models cancel"
        " job_1` ends it"
    )


def test_a_gateway_that_is_restarted_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    client = Scripted([job(1), ConnectionFailure("cut")], [ConnectionFailure("refused")], [], [job(9, "now")])
    models._follow(client, job(0), as_json=False)
    assert capsys.readouterr().out == "Pulled m at a.\n"
    assert slept == [1, 1, 1]


def test_one_that_does_not_come_back_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    client = Scripted(*([ConnectionFailure("refused")] for _ in range(models.RECONNECTS + 1)))
    with pytest.raises(ConnectionFailure, match="refused"):
        models._follow(client, job(0), as_json=False)
    client = Scripted(*([] for _ in range(models.RECONNECTS + 1)))
    with pytest.raises(Failure, match="ends every stream"):
        models._follow(client, job(0), as_json=False)
