"""Jobs, such as the pull of a model, for admins: how far they are, as a body or as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Query as FromQuery
from fastapi import Request, Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import HEAD_ONLY, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.event_stream import EventStream, add_events, event, events_of, no_stream
from tollkeeper.control.http.guards import AdminRoute, ByAdmin, admin_router
from tollkeeper.control.http.schemas import Listing, Page, Time, page_of, rows_after
from tollkeeper.services.lifecycle.jobs import Job, JobState
from tollkeeper.services.lifecycle.pulling import Part, PartState


class LayerBody(BaseModel):
    """A file of the model."""

    digest: str
    total_bytes: int
    completed_bytes: int


class JobErrorBody(BaseModel):
    """`message` is for people; `code` for programs: `disk_full`, `model_unknown`, `invalid_name`, `digest_mismatch`,
    `insecure_registry`, `registry_refuses`, `registry_unreachable`, `registry_cut`, `upstream_gone`,
    `upstream_too_old`, `upstream_removed`, `upstream_error`, `disk_failed`, `internal_error`."""

    code: str
    message: str


class JobPartBody(BaseModel):
    """A pull at one upstream. `queued`: others go first there; `waiting`: it is tried again at `retry_at`, and `error`
    says why. `status` is what the upstream does, in its own words. Layers become known one after the other: the totals
    are those of the known ones. `bytes_per_second` and `seconds_left` are null while unknown."""

    upstream: str
    state: PartState
    status: str = Field(examples=["pulling dde5aa3fc5ff"])
    attempt: int
    retry_at: Time | None
    error: JobErrorBody | None
    total_bytes: int
    completed_bytes: int
    bytes_per_second: float | None
    seconds_left: float | None
    layers: list[LayerBody]


class JobBody(BaseModel):
    """A job. The totals are those of all its upstreams; `seconds_left` is that of the slowest. `state` is `failed`
    where it failed at one of them at least."""

    object: Literal["job"] = "job"
    id: str = Field(examples=["job_019a2b3c4d5e6f708192"])
    type: Literal["pull"] = "pull"
    model: str
    state: JobState
    created_at: Time
    created_by: str
    ended_at: Time | None
    total_bytes: int
    completed_bytes: int
    bytes_per_second: float | None
    seconds_left: float | None
    upstreams: list[JobPartBody]


class JobsBody(Listing[JobBody]):
    pass


class JobsPage(Page):
    state: JobState | None = None


def job_body(job: Job) -> JobBody:
    parts = [_part(part) for part in job.parts]
    rates = [part.bytes_per_second for part in parts if part.bytes_per_second is not None]
    left = [part.seconds_left for part in parts if part.seconds_left is not None]
    return JobBody(
        id=job.id,
        model=job.model,
        state=job.state,
        created_at=job.created_at,
        created_by=job.by,
        ended_at=job.ended_at,
        total_bytes=sum(part.total_bytes for part in parts),
        completed_bytes=sum(part.completed_bytes for part in parts),
        bytes_per_second=round(sum(rates), 1) if rates else None,
        seconds_left=max(left) if left else None,
        upstreams=parts,
    )


def _part(part: Part) -> JobPartBody:
    progress, runs = part.progress, part.state == "running"
    rate, left = (progress.rate(), progress.seconds_left()) if runs else (None, None)
    return JobPartBody(
        upstream=part.upstream,
        state=part.state,
        status=progress.status,
        attempt=part.attempt,
        retry_at=part.retry_at,
        error=None if part.failure is None else JobErrorBody(code=part.failure.code, message=part.failure.message),
        total_bytes=progress.total,
        completed_bytes=progress.completed,
        bytes_per_second=None if rate is None else round(rate, 1),
        seconds_left=None if left is None else round(left, 1),
        layers=[
            LayerBody(digest=layer.digest, total_bytes=layer.total, completed_bytes=layer.completed)
            for layer in progress.layers.values()
        ],
    )


router = admin_router("jobs")


@router.get("/admin/jobs", summary="Jobs, the newest first")
async def _list(services: Services, page: Annotated[JobsPage, FromQuery()]) -> JobsBody:
    """Those that have ended are kept for 30 days."""
    found = [job for job in rows_after(services.jobs.all(), page.after, _id) if page.state in (None, job.state)]
    jobs, cursor = page_of(found, page, _id)
    return JobsBody(data=[job_body(job) for job in jobs], has_more=cursor is not None, next=cursor)


@router.get("/admin/jobs/{job_id}", summary="A job, and how far it is", responses=errors(404))
async def _read(services: Services, job_id: str) -> JobBody:
    return job_body(services.jobs.get(job_id))


@router.get(
    "/admin/jobs/{job_id}/events",
    summary="A job, each time that it is further",
    response_class=Response,
    responses={
        200: events_of(
            "Server-sent events: `job` at once, and again whenever it has changed, up to five times a second; the last"
            " is that of its end. A comment each 15 seconds says that the stream lives. It ends when its viewer is no"
            " longer an admin; the job goes on.",
            JobBody,
        ),
        **errors(404, 429),
    },
)
async def _events(request: Request, services: Services, job_id: str) -> Response:
    """At most 20 streams at a time for each key or session."""
    credential, check = AdminRoute.recheck(request)
    job = services.jobs.get(job_id)
    if request.scope.get(HEAD_ONLY):
        return no_stream()
    services.followers.open(credential)

    async def events() -> AsyncIterator[bytes]:
        async for each in services.followers.follow(job, check):
            yield b": waiting\n\n" if each is None else event("job", each.version, job_body(each))

    return EventStream(events(), lambda: services.followers.close(credential))


@router.delete("/admin/jobs/{job_id}", summary="Cancel a job", responses=errors(404))
async def _cancel(services: Services, by: ByAdmin, job_id: str) -> JobBody:
    """What has arrived stays at the upstream, and a next pull begins there. A job that has ended stays as it is."""
    return job_body(await services.jobs.cancel(job_id, by))


def _id(job: Job) -> str:
    return job.id


def add_jobs(document: dict[str, Any]) -> None:
    """Add the schemas of events to the OpenAPI document."""
    add_events(document, JobBody)
