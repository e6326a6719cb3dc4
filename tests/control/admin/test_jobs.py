"""Jobs, as admins see them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.control.desk import Desk, shape_of
from tests.scripted import ScriptedUpstream
from tests.services.in_memory import ROOT
from tests.services.lifecycle.conftest import SUCCESS, Held, layer, pull_lines
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig


@pytest.fixture
async def up(desk: Desk) -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        desk.registry.add(UpstreamConfig("a", OLLAMA, upstream.url))
        yield upstream
        await desk.services.jobs.close()
        await desk.registry.close()


def jobs_of(events: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in events.splitlines() if line.startswith("data: ")]


async def test_a_pull_is_a_job_that_is_followed_to_its_end(admin, up):
    up.answer(pull_lines(layer(10), layer(100), SUCCESS))
    begun = await admin.post("/admin/models/pull", json={"model": "tiny"})
    job = begun.json()
    assert (begun.status_code, begun.headers["location"]) == (202, f"/admin/jobs/{job['id']}")
    assert (job["object"], job["type"], job["model"], job["state"], job["created_by"], job["ended_at"]) == (
        "job", "pull", "tiny", "running", "root", None,
    )  # fmt: skip
    followed = await admin.get(f"/admin/jobs/{job['id']}/events")
    assert followed.headers["content-type"].startswith("text/event-stream")
    assert followed.text.startswith("event: job\n")
    last = jobs_of(followed.text)[-1]
    assert last == (await admin.get(f"/admin/jobs/{job['id']}")).json()
    assert (last["state"], last["total_bytes"], last["completed_bytes"]) == ("succeeded", 100, 100)
    [part] = last["upstreams"]
    assert (part["upstream"], part["state"], part["attempt"], part["error"]) == ("a", "succeeded", 1, None)
    assert part["layers"] == [{"digest": "sha256:ab", "total_bytes": 100, "completed_bytes": 100}]
    assert (await admin.get(f"/admin/jobs/{job['id']}/events")).text.count("event: job") == 1


async def test_a_failure_has_a_code_and_words(admin, up):
    up.answer(pull_lines({"error": "pull model manifest: file does not exist"}))
    job = (await admin.post("/admin/models/pull", json={"model": "nope", "upstream": "a"})).json()
    last = jobs_of((await admin.get(f"/admin/jobs/{job['id']}/events")).text)[-1]
    assert last["state"] == "failed"
    assert last["upstreams"][0]["error"]["code"] == "model_unknown"
    assert "Check the spelling" in last["upstreams"][0]["error"]["message"]


async def test_a_job_is_cancelled(admin, up, desk):
    held = Held(layer(10))
    up.answer(held)
    job = (await admin.post("/admin/models/pull", json={"model": "tiny"})).json()
    await held.begun.wait()
    cancelled = await admin.delete(f"/admin/jobs/{job['id']}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    await held.left.wait()
    assert [entry.action for entry in await desk.house.audit()][:2] == ["job.cancel", "model.pull"]


async def test_jobs_are_listed_in_pages_and_by_state(admin, up, desk):
    up.always(Held())
    made: list[str] = []
    for number in range(3):
        desk.house.clock.ms += 1
        made.insert(0, (await desk.services.jobs.pull(f"m{number}", "a", ROOT, insecure=False)).id)
    await desk.services.jobs.cancel(made[1], ROOT)
    first = (await admin.get("/admin/jobs", params={"limit": 2})).json()
    assert ([job["id"] for job in first["data"]], first["next"], first["has_more"]) == (made[:2], made[1], True)
    rest = (await admin.get("/admin/jobs", params={"after": first["next"]})).json()
    assert ([job["id"] for job in rest["data"]], rest["next"]) == (made[2:], None)
    running = (await admin.get("/admin/jobs", params={"state": "running"})).json()["data"]
    assert [job["id"] for job in running] == [made[0], made[2]]
    wrong = await admin.get("/admin/jobs", params={"state": "resting"})
    assert (wrong.status_code, shape_of(wrong)["param"]) == (422, "state")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("GET", "/events")])
async def test_an_unknown_job(admin, alice, method, path):
    answer = await admin.request(method, f"/admin/jobs/nope{path}")
    assert (answer.status_code, shape_of(answer)["code"]) == (404, "not_found")
    assert (await alice.request(method, f"/admin/jobs/nope{path}")).status_code == 403


async def test_head_has_no_stream(admin, up, desk):
    up.always(Held())
    job = await desk.services.jobs.pull("tiny", "a", ROOT, insecure=False)
    head = await admin.head(f"/admin/jobs/{job.id}/events")
    assert (head.status_code, head.text) == (200, "")
