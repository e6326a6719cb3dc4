"""Lists of an upstream's models, and of those in its memory, for each API that has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from tollkeeper.rules.kinds import ListsBy, LoadedBy
from tollkeeper.rules.money import price_of_token
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.query import query

MAX_MODELS = 10_000
"""The most models of one upstream; the rest of a longer list is ignored."""


class ListedPrice(Struct, frozen=True):
    """What the list says that a model costs, in micro-dollars per million tokens; None: it does not say."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None


class ModelFile(Struct, frozen=True):
    """What the list says of a model's file: `size` in bytes, `family` of architectures ("llama"), `parameters`
    ("1.2B"), `quantization` ("Q8_0"); None: it does not say."""

    size: int | None = None
    family: str | None = None
    parameters: str | None = None
    quantization: str | None = None


NO_FILE = ModelFile()


class ListedModel(Struct, frozen=True):
    """A model's entry in the list: `spelling` is its name as the upstream has it, `name` the canonical one. `version`
    changes when the model does; `modified_at` is milliseconds since the epoch; `sees_images` None: the list does not
    say. `remote`: it runs on someone else's machines. `price` None: the list has none, or not by tokens alone."""

    spelling: str
    version: str = ""
    modified_at: int | None = None
    sees_images: bool | None = None
    remote: bool = False
    price: ListedPrice | None = None
    file: ModelFile = NO_FILE

    @property
    def name(self) -> str:
        return self.spelling.lower()


class LoadedModel(Struct, frozen=True):
    """A model in an upstream's memory: the bytes that it takes there, and those of them on GPUs; `until`: when it
    leaves, unless it is used, in milliseconds since the epoch; `context`: the tokens that it was loaded for. None: the
    upstream does not say."""

    memory: int | None = None
    gpu_memory: int | None = None
    until: int | None = None
    context: int | None = None


class _Tag(Struct):
    model: str
    digest: str = ""
    modified_at: str = ""
    remote_host: str = ""
    size: Any = None
    details: Any = None

    def file(self) -> ModelFile:
        details = self.details if isinstance(self.details, dict) else {}
        return ModelFile(
            _count(self.size),
            _word(details.get("family")),
            _word(details.get("parameter_size")),
            _word(details.get("quantization_level")),
        )


class _Tags(Struct):
    models: list[_Tag]


class _Loaded(Struct):
    model: str
    size: Any = None
    size_vram: Any = None
    expires_at: Any = None
    context_length: Any = None


class _AllLoaded(Struct):
    models: list[_Loaded]


class _Entry(Struct):
    """An entry of `/v1/models`. llama.cpp and OpenRouter list a model's input modalities in `architecture`, Anthropic
    what it supports in `capabilities`, OpenRouter dollars per token in `pricing`."""

    id: str
    architecture: Any = None
    capabilities: Any = None
    pricing: Any = None


class _Entries(Struct):
    """A page of the list: all of it but at Anthropic."""

    data: list[_Entry]
    has_more: Any = False


async def _tags(client: Client) -> list[ListedModel]:
    response = await query(client, b"GET", b"/api/tags", None, _Tags)
    return [
        ListedModel(
            tag.model, tag.digest, _milliseconds(tag.modified_at), remote=bool(tag.remote_host), file=tag.file()
        )
        for tag in response.models[:MAX_MODELS]
    ]


async def _models(client: Client) -> list[ListedModel]:
    path = b"/v1/models"
    entries: dict[str, _Entry] = {}
    while True:
        page = await query(client, b"GET", path, None, _Entries)
        known = len(entries)
        entries |= {entry.id: entry for entry in page.data}
        if page.has_more is not True or not known < len(entries) < MAX_MODELS:
            break
        path = b"/v1/models?limit=1000&after_id=" + quote(page.data[-1].id, safe="").encode()
    return [
        ListedModel(
            entry.id, sees_images=_takes_images(entry.architecture, entry.capabilities), price=_price(entry.pricing)
        )
        for entry in [*entries.values()][:MAX_MODELS]
    ]


async def _loaded(client: Client) -> dict[str, LoadedModel]:
    response = await query(client, b"GET", b"/api/ps", None, _AllLoaded)
    return {
        each.model.lower(): LoadedModel(
            _count(each.size),
            _count(each.size_vram, least=0),
            _milliseconds(each.expires_at) if isinstance(each.expires_at, str) else None,
            _count(each.context_length),
        )
        for each in response.models[:MAX_MODELS]
    }


LISTINGS: Mapping[ListsBy, Callable[[Client], Awaitable[list[ListedModel]]]] = {
    "/api/tags": _tags,
    "/v1/models": _models,
}
"""Functions that request an upstream's models, by the path that lists them. They raise UpstreamFailure,
UpstreamUnavailable, UpstreamTimeout."""

LOADED: Mapping[LoadedBy, Callable[[Client], Awaitable[dict[str, LoadedModel]]]] = {"/api/ps": _loaded}
"""Functions that request the models in an upstream's memory, by canonical name, by the path that lists them. They raise
as those of LISTINGS do."""


def _count(value: object, least: int = 1) -> int | None:
    """A number that a list tells beside what is needed of it; None: it is none."""
    return value if type(value) is int and value >= least else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _takes_images(architecture: object, capabilities: object) -> bool | None:
    takes = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    if isinstance(takes, list):
        return "image" in takes
    images = capabilities.get("image_input") if isinstance(capabilities, dict) else None
    supported = images.get("supported") if isinstance(images, dict) else None
    return supported if isinstance(supported, bool) else None


def _price(pricing: object) -> ListedPrice | None:
    """OpenRouter's price of a model. That of a request beside its tokens is none of ours; that of images and searches,
    which its cost reports, is passed over. -1 stands for one that depends on the request."""
    if not isinstance(pricing, dict):
        return None

    def figure(name: str) -> int | None:
        text = pricing.get(name)
        return price_of_token(text) if isinstance(text, str) else None

    fresh, output = figure("prompt"), figure("completion")
    if fresh is None or output is None or figure("request") not in (None, 0):
        return None
    return ListedPrice(fresh, output, figure("input_cache_read"), figure("input_cache_write"))


def _milliseconds(text: str) -> int | None:
    # Go writes up to nine digits of a second; datetime reads six.
    # Of a model that stays for good, Ollama writes a date some 292 years from now.
    try:
        moment = msgspec.convert(text[:19] + (text[-6:] if text[-6:-5] in "+-" and text[-1:] != "Z" else "Z"), datetime)
    except msgspec.ValidationError:
        return None
    return int(moment.timestamp() * 1000)
