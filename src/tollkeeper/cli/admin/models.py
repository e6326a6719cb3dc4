"""`tollkeeper models …`"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, ConnectionFailure, Object
from tollkeeper.cli.admin.output import print_json, text
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import Column, print_table, printable, transfers

PATH = "/admin/models"
JOBS = "/admin/jobs"
COLUMNS = (
    Column("model", folded=True),
    Column("upstream"),
    Column("size", right=True),
    Column("type"),
    Column("loaded", right=True),
    Column("pinned"),
    Column("requests", right=True),
    Column("last used"),
)
JOB_COLUMNS = (
    Column("job"),
    Column("model", folded=True),
    Column("state"),
    Column("begun"),
    Column("done", right=True),
    Column("error", shortened=True),
)
LOAD_PATIENCE = 600.0
"""Seconds that a command may take at an upstream: large models are loaded for minutes."""
RECONNECTS = 60
"""How often a viewer comes back to a gateway that is being restarted, once a second."""


class _List(Struct):
    data: list[Object]


def list_all(url: str, key: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(f"{PATH}?limit=1000", _List).data
    if as_json:
        print_json(*found)
    else:
        print_table(COLUMNS, (row for model in found for row in _rows(model)))


def pull(url: str, key: str, model: str, upstream: str | None, *, insecure: bool, detach: bool, as_json: bool) -> None:
    client = AdminClient(url, key)
    body = {"model": model, "upstream": upstream, "insecure": insecure}
    job = client.post(f"{PATH}/pull", body, Object)
    if not detach:
        return _follow(client, job, as_json=as_json)
    if as_json:
        print_json(job)
    else:
        print(printable(f"{model} is being pulled by {job['id']}. See how far it is: {_command('follow', job)}"))
    return None


def follow(url: str, key: str, job_id: str, *, as_json: bool) -> None:
    client = AdminClient(url, key)
    _follow(client, client.get(_job(job_id), Object), as_json=as_json)


def cancel(url: str, key: str, job_id: str, *, as_json: bool) -> None:
    job = AdminClient(url, key).delete(_job(job_id), Object)
    _say(f"{job['id']} is {job['state']}. What has arrived stays at the upstream.", job, as_json=as_json)


def list_jobs(url: str, key: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(f"{JOBS}?limit=1000", _List).data
    if as_json:
        print_json(*found)
    else:
        print_table(JOB_COLUMNS, map(_job_row, found))


def load(url: str, key: str, model: str, upstream: str | None, keep_alive: int | None, *, as_json: bool) -> None:
    fields = {} if keep_alive is None else {"keep_alive_seconds": keep_alive}
    _do(url, key, "load", "Loaded", {"model": model, "upstream": upstream, **fields}, as_json=as_json)


def unload(url: str, key: str, model: str, upstream: str | None, *, as_json: bool) -> None:
    _do(url, key, "unload", "Unloaded", {"model": model, "upstream": upstream}, as_json=as_json)


def copy(url: str, key: str, model: str, to: str, upstream: str | None, *, as_json: bool) -> None:
    _do(url, key, "copy", "Copied", {"model": model, "to": to, "upstream": upstream}, as_json=as_json)


def remove(url: str, key: str, model: str, upstream: str | None, *, force: bool, as_json: bool) -> None:
    query = {"force": "true" if force else "false"} | ({} if upstream is None else {"upstream": upstream})
    client = AdminClient(url, key, patience=LOAD_PATIENCE)
    done = client.delete(f"{PATH}/{quote(model, safe='/:')}?{urlencode(query)}", Object)
    _tell("Deleted", done, as_json=as_json)


def pin(url: str, key: str, model: str, digest: str | None, *, loaded: bool | None, as_json: bool) -> None:
    fields = {"digest": digest, "loaded": loaded}
    body = {"model": model} | {name: value for name, value in fields.items() if value is not None}
    made = AdminClient(url, key).post(f"{PATH}/pin", body, Object)
    what = [f"its name serves {made['digest'][:12]} only"] if made["digest"] else []
    what += ["it is kept in memory"] if made["loaded"] else []
    _say(f"{made['model']} is pinned: {', and '.join(what)}.", made, as_json=as_json)


def unpin(url: str, key: str, model: str, *, as_json: bool) -> None:
    removed = AdminClient(url, key).post(f"{PATH}/unpin", {"model": model}, Object)
    _say(f"{removed['model']} is no longer pinned.", removed, as_json=as_json)


def evict(
    url: str, key: str, after: int | None, how: str | None, upstream: str | None, *, dry_run: bool, as_json: bool
) -> None:
    fields = {"after_seconds": after, "how": how, "upstream": upstream, "dry_run": dry_run}
    body = {name: value for name, value in fields.items() if value is not None}
    done = AdminClient(url, key, patience=LOAD_PATIENCE).post(f"{PATH}/evict", body, Object)
    failed = [each for each in done["evicted"] if each["error"]]
    if as_json:
        print_json(done)
    else:
        verb = {"unload": "unloaded", "delete": "deleted"}[done["how"]]
        for each in done["evicted"]:
            if not each["error"]:
                print(printable(f"{each['model']} at {each['upstream']} {'would be' if dry_run else 'was'} {verb}."))
        if not done["evicted"]:
            print("There is nothing to evict.")
    if failed:
        raise Failure(
            printable("; ".join(f"{each['model']} at {each['upstream']}: {each['error']}" for each in failed))
        )


def _do(url: str, key: str, path: str, verb: str, body: Object, *, as_json: bool) -> None:
    _tell(verb, AdminClient(url, key, patience=LOAD_PATIENCE).post(f"{PATH}/{path}", body, Object), as_json=as_json)


def _tell(verb: str, done: Object, *, as_json: bool) -> None:
    _say(f"{verb} {done['model']} at {', '.join(done['upstreams'])}.", done, as_json=as_json)
    if done["failed"]:
        raise Failure(printable("; ".join(f"{upstream}: {why}" for upstream, why in done["failed"].items())))


def _follow(client: AdminClient, job: Object, *, as_json: bool) -> None:
    """Show a job until it has ended. Raises Failure where it failed, and where its viewer leaves."""
    try:
        with transfers() as show:
            for seen in _seen(client, job):
                job = seen
                for part in job["upstreams"]:
                    show(part["upstream"], _status(part), part["completed_bytes"], part["total_bytes"])
    except KeyboardInterrupt:
        raise Failure(
            f"the pull goes on without you: {_command('follow', job)} shows it again, {_command('cancel', job)} ends it"
        ) from None
    if as_json:
        print_json(job)
    if job["state"] == "cancelled":
        raise Failure(f"{job['id']} was cancelled")
    errors = [f"{part['upstream']}: {part['error']['message']}" for part in job["upstreams"] if part["error"]]
    if job["state"] == "failed":
        raise Failure(printable("; ".join(errors)))
    if not as_json:
        print(printable(f"Pulled {job['model']} at {', '.join(part['upstream'] for part in job['upstreams'])}."))


def _seen(client: AdminClient, job: Object) -> Iterator[Object]:
    """The job, each time that it is further, up to its end. A gateway that goes away is waited for: the job goes on
    when it is back."""
    left, last = RECONNECTS, job
    yield last
    while last["ended_at"] is None:
        try:
            for last in client.events(f"{_job(job['id'])}/events", Object):
                left = RECONNECTS
                yield last
        except ConnectionFailure:
            if not left:
                raise
        if last["ended_at"] is None:
            left -= 1
            if left < 0:
                raise Failure(f"the gateway ends every stream of {job['id']}: ask it with {_command('follow', job)}")
            time.sleep(1)


def _status(part: Object) -> str:
    if part["state"] == "waiting":
        return f"waiting to try again ({part['error']['code']})"
    return str(part["status"] if part["state"] == "running" else part["state"])


def _job(job_id: str) -> str:
    return f"{JOBS}/{quote(job_id, safe='')}"


def _command(what: str, job: Object) -> str:
    return f"`tollkeeper models {what} {job['id']}`"


def _say(line: str, body: Object, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        print(printable(line))


def _rows(model: Object) -> Iterator[list[str]]:
    pin = model["pinned"]
    held = [] if pin is None else [name for name in ("loaded", "digest") if pin[name]]
    for place in model["places"]:
        loaded = place["loaded"]
        kind = " ".join(filter(None, (place["parameter_size"], place["quantization"])))
        yield [
            model["name"],
            place["upstream"],
            _size(place["size_bytes"]),
            kind or "-",
            "-" if loaded is None else _size(loaded["memory_bytes"]) if loaded["memory_bytes"] else "yes",
            "changed" if place["changed"] else ", ".join(held) or "-",
            text(model["requests_this_month"]),
            _moment(model["last_used_at"])[:10],
        ]


def _job_row(job: Object) -> list[str]:
    total, done = job["total_bytes"], job["completed_bytes"]
    errors = [part["error"]["code"] for part in job["upstreams"] if part["error"]]
    share = f"{100 * done // total} %" if total else "-"
    return [job["id"], job["model"], job["state"], _moment(job["created_at"]), share, ", ".join(errors) or "-"]


def _size(count: Any) -> str:
    if count is None:
        return "-"
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def _moment(told: str | None) -> str:
    """A time of the API (UTC), to the minute."""
    return "-" if told is None else told[:16].replace("T", " ") + "Z"
