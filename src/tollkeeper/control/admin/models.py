"""The models of all upstreams, and their lives, for admins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field, StringConstraints

from tollkeeper.control.admin.jobs import JobBody, job_body
from tollkeeper.control.admin.prices import PriceBody
from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, Listing, Page, Query, Time, page_of
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.pricing import Price
from tollkeeper.services.lifecycle.inventory import InventoryModel, PlacedModel
from tollkeeper.services.lifecycle.lifecycle import LOADED_FOR, Done
from tollkeeper.services.models.prices import price_body
from tollkeeper.services.upstreams.listings import LoadedModel
from tollkeeper.store.ports.pins import Pin

LONGEST = 31_536_000
"""Seconds: a year."""

ModelName = Annotated[str, StringConstraints(strict=True, pattern=r"^[!-~]{1,256}$"), Field(examples=["llama3.2:1b"])]
UpstreamName = Annotated[str, Field(min_length=1, max_length=64, description="Its id. Absent: all.")]


class LoadedBody(BaseModel):
    """A model in memory: the bytes that it takes, those of them on GPUs, when it leaves unless it is used, and the
    tokens of context that it was loaded for; null: the upstream does not say."""

    memory_bytes: int | None
    gpu_memory_bytes: int | None
    until: Time | None
    context: int | None


class PlacedModelBody(BaseModel):
    """A model on one upstream; what the upstream does not say is null. `context` is the most that the model takes, in
    tokens. `loaded` null: it is not in memory, as far as is known. `running`: its requests there now. `pricing`: the
    price in force there. `managed`: it can be pulled, loaded, copied and deleted here. `changed`: the model is pinned
    to another digest, so this one gets no requests. `pin_error`: why it could not be kept in memory."""

    upstream: str
    managed: bool
    digest: str | None = Field(examples=["baf6a787fdffd633537aa2eb51cfd54cb93ff08e28040095462bb63daf552878"])
    size_bytes: int | None
    family: str | None = Field(examples=["llama"])
    parameter_size: str | None = Field(examples=["1.2B"])
    quantization: str | None = Field(examples=["Q8_0"])
    context: int | None
    modified_at: Time | None
    loaded: LoadedBody | None
    running: int
    pricing: PriceBody | None
    changed: bool
    pin_error: str | None


class PinBody(BaseModel):
    """`digest`: the name serves this one only; null: any. `loaded`: it is kept in memory."""

    model: str
    digest: str | None
    loaded: bool


class ModelBody(BaseModel):
    """A model. `upstreams` are all that have it, in the order of upstreams; `upstream` is the first of them. `context`
    (tokens) and `sees_images` are null while unknown; `pricing` is the price in force, null if there is none; `aliases`
    are its other names. `places` has what is known of it on each upstream. `requests_this_month` (UTC) and
    `last_used_at` are those of all of them; null: it was never used, as far as the records go."""

    name: str
    upstream: str
    upstreams: list[str]
    modified_at: Time | None
    context: int | None
    sees_images: bool | None
    pricing: PriceBody | None
    aliases: list[str] = Field(examples=[["gpt-4o-mini"]])
    pinned: PinBody | None
    requests_this_month: int
    last_used_at: Time | None
    places: list[PlacedModelBody]


class ModelsBody(Listing[ModelBody]):
    pass


class PullForm(Form):
    """`upstream`: absent or null: every upstream in use whose models are managed here. `insecure`: the registry may
    speak plain http, or have a certificate that is not verified."""

    model: ModelName
    upstream: UpstreamName | None = None
    insecure: bool = False


class OneModelForm(Form):
    model: ModelName
    upstream: UpstreamName | None = None


class LoadForm(OneModelForm):
    """`keep_alive_seconds`: how long it stays after its last use."""

    keep_alive_seconds: Annotated[int, Field(ge=1, le=LONGEST)] = LOADED_FOR


class CopyForm(OneModelForm):
    to: ModelName


class PinForm(Form):
    """What is absent stays as it is; without `digest` and `loaded`, the model is kept in memory. `digest`: 64 hex
    digits, or `current` for the one that the name has now (which accepts a change); null: any."""

    model: ModelName
    digest: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    loaded: bool | None = None


class UnpinForm(Form):
    model: ModelName


class DoneBody(BaseModel):
    """`upstreams` have done it; `failed` have not, each with the reason."""

    model: str
    upstreams: list[str]
    failed: dict[str, str]


class DeleteQuery(Query):
    upstream: UpstreamName | None = None
    force: bool = Field(False, description="Even if it is pinned, or requests run on it, which then fail.")


class EvictForm(Form):
    """`after_seconds`: how long nobody has used a model; absent: the setting `evict_after`. `how`: absent: the setting
    `evict_by`. `dry_run`: only tell which models would go."""

    after_seconds: Annotated[int, Field(ge=0, le=10 * LONGEST)] | None = None
    how: Literal["unload", "delete"] | None = None
    upstream: UpstreamName | None = None
    dry_run: bool = False


class EvictedBody(BaseModel):
    """`error`: why it could not be evicted, null where it was. `last_used_at` null: never, as far as the records go."""

    model: str
    upstream: str
    last_used_at: Time | None
    error: str | None


class EvictionBody(BaseModel):
    how: Literal["unload", "delete"]
    after_seconds: float
    dry_run: bool
    evicted: list[EvictedBody]


router = admin_router("models")


@router.get("/admin/models", summary="The models of all upstreams")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> ModelsBody:
    found = [model for model in services.catalog.models() if model.name > (page.after or "")]
    models, cursor = page_of(found, page, lambda model: model.name)
    aliases = services.resolver.aliases_by_model()
    data = [_model(each, aliases.get(each.model.name, [])) for each in await services.inventory.of(models)]
    return ModelsBody(data=data, has_more=cursor is not None, next=cursor)


@router.post(
    "/admin/models/pull",
    summary="Pull a model, at one upstream or all",
    status_code=202,
    responses=errors(404, 409),
)
async def _pull(services: Services, by: ByAdmin, form: PullForm, response: Response) -> JobBody:
    """It goes on by itself, also after a restart: `GET /admin/jobs/{id}` tells how far it is. Where the same pull runs
    already, its job is returned."""
    job = await services.jobs.pull(form.model, form.upstream, by, insecure=form.insecure)
    response.headers["location"] = f"/admin/jobs/{job.id}"
    return job_body(job)


@router.post("/admin/models/load", summary="Load a model into memory", responses=errors(404, 502))
async def _load(services: Services, by: ByAdmin, form: LoadForm) -> DoneBody:
    """Answers when it is there. To keep it there, pin it."""
    return _done(await services.lifecycle.load(form.model, form.upstream, form.keep_alive_seconds, by))


@router.post("/admin/models/unload", summary="Take a model out of memory", responses=errors(404, 409, 502))
async def _unload(services: Services, by: ByAdmin, form: OneModelForm) -> DoneBody:
    """Requests that run on it go on; it leaves when they have ended. 409 `model_pinned` where it would come back."""
    return _done(await services.lifecycle.unload(form.model, form.upstream, by))


@router.post("/admin/models/pin", summary="Keep a model in memory, or its name to one digest", responses=errors(404))
async def _pin(services: Services, by: ByAdmin, form: PinForm) -> PinBody:
    """Pinned to a digest, requests for the name are refused with 409 `model_changed` wherever it stands for another,
    until that is pinned instead."""
    cleared = "digest" in form.model_fields_set and form.digest is None
    pin = await services.lifecycle.pin(form.model, by, digest="" if cleared else form.digest, loaded=form.loaded)
    return _pinned(pin)


@router.post("/admin/models/unpin", summary="Remove the pin of a model", responses=errors(404))
async def _unpin(services: Services, by: ByAdmin, form: UnpinForm) -> PinBody:
    """Answers with the pin as it was. A model that was kept in memory leaves it some minutes after its last use."""
    return _pinned(await services.lifecycle.unpin(form.model, by))


@router.post("/admin/models/copy", summary="Give a model a second name", responses=errors(404, 409, 502))
async def _copy(services: Services, by: ByAdmin, form: CopyForm) -> DoneBody:
    return _done(await services.lifecycle.copy(form.model, form.to, form.upstream, by))


@router.post("/admin/models/evict", summary="Unload or delete what nobody uses", responses=errors(404))
async def _evict(services: Services, by: ByAdmin, form: EvictForm) -> EvictionBody:
    """What is pinned, or has requests running, stays. Pulled or changed counts as used."""
    after = services.evict_after if form.after_seconds is None else form.after_seconds
    if after is None:
        raise Unprocessable("'after_seconds' must be given: the setting evict_after is off.", param="after_seconds")
    how = form.how or services.evict_by
    evicted = await services.evictor.evict(after, how, form.upstream, by, dry_run=form.dry_run)
    data = [
        EvictedBody(model=each.model, upstream=each.upstream, last_used_at=each.last_used_at, error=each.error)
        for each in evicted
    ]
    return EvictionBody(how=how, after_seconds=after, dry_run=form.dry_run, evicted=data)


@router.delete("/admin/models/{name:path}", summary="Delete a model", responses=errors(404, 409, 502))
async def _delete(services: Services, by: ByAdmin, name: str, query: Annotated[DeleteQuery, FromQuery()]) -> DoneBody:
    """From one upstream, or all whose models are managed here. 409 `model_in_use` while requests run on it,
    `model_pinned` while it is pinned."""
    return _done(await services.lifecycle.delete(name, query.upstream, by, force=query.force))


def _model(found: InventoryModel, aliases: list[str]) -> ModelBody:
    places = [_placed(place) for place in found.places]
    first = places[0]
    return ModelBody(
        name=found.model.name,
        upstream=first.upstream,
        upstreams=[place.upstream for place in places],
        modified_at=first.modified_at,
        context=first.context,
        sees_images=found.sees_images,
        pricing=first.pricing,
        aliases=aliases,
        pinned=None if found.pin is None else _pinned(found.pin),
        requests_this_month=found.requests,
        last_used_at=found.last_used_at,
        places=places,
    )


def _placed(place: PlacedModel) -> PlacedModelBody:
    deployment = place.deployment
    file = deployment.file
    return PlacedModelBody(
        upstream=deployment.upstream.config.id,
        managed=place.managed,
        digest=deployment.version or None,
        size_bytes=file.size,
        family=file.family,
        parameter_size=file.parameters,
        quantization=file.quantization,
        context=place.context,
        modified_at=deployment.modified_at,
        loaded=None if place.loaded is None else _loaded(place.loaded),
        running=place.running,
        pricing=_pricing(place.price),
        changed=place.changed,
        pin_error=place.pin_error,
    )


def _loaded(loaded: LoadedModel) -> LoadedBody:
    return LoadedBody(
        memory_bytes=loaded.memory,
        gpu_memory_bytes=loaded.gpu_memory,
        until=loaded.until,
        context=loaded.context,
    )


def _pricing(price: Price | None) -> PriceBody | None:
    return None if price is None else PriceBody.model_validate(price_body(price))


def _pinned(pin: Pin) -> PinBody:
    return PinBody(model=pin.model, digest=pin.digest, loaded=pin.loaded)


def _done(done: Done) -> DoneBody:
    return DoneBody(model=done.model, upstreams=list(done.done), failed=dict(done.failed))
