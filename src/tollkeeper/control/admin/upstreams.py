"""Upstreams, by admins."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from fastapi import Query as FromQuery
from msgspec.structs import fields
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, WithJsonSchema

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, Listing, Page, page_of, rows_after
from tollkeeper.control.usage.schemas import Usd
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.kinds import KINDS, SPOKEN
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.money import format_usd
from tollkeeper.services.upstreams.config import CostSource, Secret, TimeoutOverrides, UpstreamConfig, UpstreamState
from tollkeeper.services.upstreams.stored import split_userinfo
from tollkeeper.services.upstreams.upstreams import UpstreamChanges
from tollkeeper.services.watching.pool import BreakerState, UpState, UpstreamHealth

_MOST_MODELS, _MOST_HEADERS = 1000, 20
_MOST_TEXT = 8192
_DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in fields(UpstreamConfig)}
_DEFAULT_TIMEOUTS = TimeoutOverrides()


def _number(value: object) -> object:
    return float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _known_kind(name: str) -> str:
    if not KINDS.get(name):
        raise ValueError(f"must be one of {', '.join(KINDS)}")
    return name


def _read_usd(value: object) -> int:
    """Dollars, a string or a number → pico-dollars."""
    try:
        return Limits().merged({"cost_usd_per_day": value}).counts["cost_usd_per_day"]
    except (Unprocessable, KeyError):
        raise ValueError("must be a number of dollars of at least 0, no finer than a trillionth, or null") from None


KindName = Annotated[str, AfterValidator(_known_kind), WithJsonSchema({"type": "string", "enum": list(KINDS)})]
UpstreamId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["azure-eu"], description="As users may name it.")
]
ModelName = Annotated[str, StringConstraints(strict=True, pattern=r"^\S{1,256}$")]
CanonicalName = Annotated[ModelName, AfterValidator(str.lower)]
Timeout = Annotated[float, BeforeValidator(_number), Field(gt=0, le=86_400)]
Wait = Annotated[float, BeforeValidator(_number), Field(ge=0, le=86_400)]
UsdIn = Annotated[
    int,
    BeforeValidator(_read_usd),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,12})?$"}]}
    ),
]
Spoken = Literal["responses", "messages", "moderations", "audio", "images", "rerank"]
Credential = Annotated[str, Field(min_length=1, max_length=_MOST_TEXT, json_schema_extra={"writeOnly": True})]


class TimeoutsForm(Form):
    """Seconds; null: the setting's."""

    connect: Timeout | None = None
    first_byte: Timeout | None = None
    event: Timeout | None = None

    def overrides(self) -> TimeoutOverrides:
        return TimeoutOverrides(self.connect, self.first_byte, self.event)


class BudgetForm(Form):
    """The cost, in dollars, beyond which it gets no requests; null: no bound."""

    cost_usd_per_day: UsdIn | None = None
    cost_usd_per_month: UsdIn | None = None


class TlsForm(Form):
    """`ca_file`: the absolute path of a PEM file of authorities, on the gateway's machine; null: the system's."""

    ca_file: Annotated[str, Field(min_length=1, max_length=4096)] | None = None


class UpstreamChangeForm(Form):
    """What is absent stays, null is the default. Objects and lists are replaced as a whole. Where `base_url` leads to
    another scheme, host or port, `secret` and `headers` are cleared unless they are given too. In `headers`, null is
    the value that a header has already."""

    kind: KindName | None = None
    base_url: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] | None = None
    slots: Annotated[int, Field(ge=0, le=100_000, description="0: no bound; null: the kind's.")] | None = None
    model_slots: Annotated[int, Field(ge=0, le=100_000, description="0: no bound.")] | None = None
    models: Annotated[list[ModelName], Field(max_length=_MOST_MODELS, description="null: those it lists.")] | None = (
        None
    )
    priority: Annotated[int, Field(ge=0, le=1000)] | None = None
    timeouts: TimeoutsForm | None = None
    model_timeouts: Annotated[dict[CanonicalName, TimeoutsForm], Field(max_length=100)] | None = None
    paid: bool | None = None
    open: bool | None = None
    budget: BudgetForm | None = None
    cost_source: CostSource | None = None
    spill_after: Wait | None = None
    tls: TlsForm | None = None
    headers: Annotated[dict[str, Credential | None], Field(max_length=_MOST_HEADERS)] | None = None
    secret: Credential | None = None
    speaks: list[Spoken] | None = None
    cloud: bool | None = None
    probe_every: Wait | None = None
    state: UpstreamState | None = None

    def changes(self) -> UpstreamChanges:
        given = {name: getattr(self, name) for name in self.model_fields_set if name not in {"id", "kind"}}
        changed: dict[str, Any] = {}
        for name, value in given.items():
            changed |= _READ[name](value) if name in _READ else {name: _DEFAULTS[name] if value is None else value}
        if self.kind:
            changed["kind"] = KINDS[self.kind]
        return cast(UpstreamChanges, changed)


class UpstreamForm(UpstreamChangeForm):
    """An upstream to add. Only `id` and `kind` must be given, and `base_url` where the kind has no usual one."""

    id: UpstreamId
    kind: KindName


class ProbeForm(UpstreamChangeForm):
    """An upstream as POST or PATCH would save it: with the `id` of one that exists, what is absent is taken from it."""

    id: UpstreamId | None = None


def _read_budget(form: BudgetForm | None) -> dict[str, Any]:
    form = form or BudgetForm()
    return {"budget_per_day": form.cost_usd_per_day, "budget_per_month": form.cost_usd_per_month}


def _distinct(names: list[str]) -> tuple[str, ...]:
    """The names, without those that differ in their case only."""
    return tuple({name.lower(): name for name in names}.values())


_READ: Mapping[str, Any] = {
    "base_url": lambda value: {"base_url": value},
    "models": lambda value: {"models": None if value is None else _distinct(value)},
    "timeouts": lambda value: {"timeouts": value.overrides() if value else _DEFAULT_TIMEOUTS},
    "model_timeouts": lambda value: {
        "model_timeouts": {model: form.overrides() for model, form in (value or {}).items()}
    },
    "budget": _read_budget,
    "tls": lambda value: {"ca_file": value.ca_file if value else None},
    "headers": lambda value: {
        "headers": {name: None if text is None else Secret(text) for name, text in (value or {}).items()}
    },
    "secret": lambda value: {"secret": None if value is None else Secret(value)},
    "speaks": lambda value: {"speaks": tuple(path for name in dict.fromkeys(value or ()) for path in SPOKEN[name])},
}
"""How fields become settings that are not called as they are, or look different there."""


class TimeoutsBody(BaseModel):
    """Seconds; null: the setting's."""

    connect: float | None
    first_byte: float | None
    event: float | None


class BudgetBody(BaseModel):
    cost_usd_per_day: Usd | None
    cost_usd_per_month: Usd | None


class TlsBody(BaseModel):
    ca_file: str | None


class HealthBody(BaseModel):
    """`state`: `down` while it gets no requests or does not answer, `probing` while one request at a time tries it.
    `error` says why it is not up, or why some model of it gets no requests; else null. `breaker` is that of the
    upstream as a whole. `queued` are the requests in line for it, those that may go elsewhere too among them.
    `latency_ms` is smoothed, until the first byte of a response; null where nothing was measured yet."""

    state: UpState
    breaker: BreakerState
    in_flight: int
    queued: int
    latency_ms: float | None
    loaded_models: list[str]
    error: str | None


class UpstreamBody(BaseModel):
    """An upstream. `base_url` is without credentials; of `headers` the names are shown. `model_count` is how many
    models it has now. `paid` null: its answers may be charged for, yet a model needs no price."""

    id: str
    kind: str
    base_url: str
    weight: int
    slots: int
    model_slots: int
    models: list[str] | None
    priority: int
    timeouts: TimeoutsBody
    model_timeouts: dict[str, TimeoutsBody]
    paid: bool | None
    open: bool
    budget: BudgetBody
    cost_source: CostSource
    spill_after: float | None
    tls: TlsBody
    headers: dict[str, None]
    has_secret: bool
    speaks: list[Spoken]
    cloud: bool
    probe_every: float
    state: UpstreamState
    model_count: int
    health: HealthBody


class UpstreamList(Listing[UpstreamBody]):
    pass


class ProbeBody(BaseModel):
    """`models` is how many models it lists, null where it could not, and `error` says why."""

    models: int | None
    took_ms: float
    error: str | None


router = admin_router("upstreams")


@router.get("/admin/upstreams", summary="The upstreams, and how they are")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> UpstreamList:
    found = rows_after(services.pool.upstreams(), page.after, _id)
    shown, cursor = page_of(found, page, _id)
    return UpstreamList(data=[_shown(health) for health in shown], next=cursor)


@router.post("/admin/upstreams", summary="Add an upstream", status_code=201, responses=errors(409))
async def _add(services: Services, by: ByAdmin, form: UpstreamForm) -> UpstreamBody:
    """It gets requests as soon as its models are known."""
    await services.upstreams.add(form.id, form.changes(), by)
    return _one(services, form.id)


@router.post("/admin/upstreams/probe", summary="Try an upstream's settings without saving them")
async def _probe(services: Services, form: ProbeForm) -> ProbeBody:
    """Its models are listed, and counted; nothing else of what it sends is shown."""
    config = await services.upstreams.draft(form.id or "new", form.changes())
    found = await services.probe(config)
    return ProbeBody(models=found.models, took_ms=round(found.took * 1000, 1), error=found.error)


@router.get("/admin/upstreams/{upstream_id}", summary="An upstream", responses=errors(404))
async def _read(services: Services, upstream_id: str) -> UpstreamBody:
    return _one(services, upstream_id)


@router.patch("/admin/upstreams/{upstream_id}", summary="Change an upstream", responses=errors(404))
async def _change(services: Services, by: ByAdmin, upstream_id: str, form: UpstreamChangeForm) -> UpstreamBody:
    """In force at the next request. `"state": "draining"` gives it no new requests, and disables it once those under
    way have ended. Whatever is changed, its breaker closes and its rests end."""
    await services.upstreams.change(upstream_id, form.changes(), by)
    return _one(services, upstream_id)


@router.delete("/admin/upstreams/{upstream_id}", summary="Remove an upstream", responses=errors(404))
async def _remove(services: Services, by: ByAdmin, upstream_id: str) -> UpstreamBody:
    """Requests that it runs go on; those in line go elsewhere. Answers with the upstream as it was."""
    removed = _one(services, upstream_id)
    await services.upstreams.remove(upstream_id, by)
    return removed


def _id(health: UpstreamHealth) -> str:
    return health.config.id


def _one(services: Services, upstream_id: str) -> UpstreamBody:
    services.upstreams.get(upstream_id)
    return next(_shown(health) for health in services.pool.upstreams() if health.config.id == upstream_id)


def _shown(health: UpstreamHealth) -> UpstreamBody:
    config = health.config
    address, userinfo = split_userinfo(config.base_url)
    spoken = [name for name, paths in SPOKEN.items() if all(path in config.speaks for path in paths)]
    return UpstreamBody(
        id=config.id,
        kind=config.kind.name,
        base_url=address,
        weight=config.weight,
        slots=config.most_running,
        model_slots=config.model_slots,
        models=None if config.models is None else list(config.models),
        priority=config.priority,
        timeouts=_timeouts(config.timeouts),
        model_timeouts={model: _timeouts(each) for model, each in config.model_timeouts.items()},
        paid=config.is_paid if config.is_paid == config.needs_price else None,
        open=config.open,
        budget=BudgetBody(
            cost_usd_per_day=_usd(config.budget_per_day), cost_usd_per_month=_usd(config.budget_per_month)
        ),
        cost_source=config.cost_from,
        spill_after=config.spill_after,
        tls=TlsBody(ca_file=config.ca_file),
        headers={name: None for name, _ in config.headers},
        has_secret=config.secret is not None or userinfo is not None,
        speaks=cast(list[Spoken], spoken),
        cloud=config.cloud,
        probe_every=config.probe_every,
        state=config.state,
        model_count=health.models,
        health=HealthBody(
            state=health.state,
            breaker=health.breaker,
            in_flight=health.in_flight,
            queued=health.queued,
            latency_ms=None if health.latency is None else round(health.latency * 1000, 1),
            loaded_models=list(health.loaded),
            error=health.error,
        ),
    )


def _timeouts(overrides: TimeoutOverrides) -> TimeoutsBody:
    return TimeoutsBody(connect=overrides.connect, first_byte=overrides.first_byte, event=overrides.event)


def _usd(pico: int | None) -> str | None:
    return None if pico is None else format_usd(pico)
