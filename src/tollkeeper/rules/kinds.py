"""Kinds of upstream: a record of traits for each. No code checks which kind an upstream is, only its traits.

A new kind is one more record. How to list models and how to describe one take a connection: those two traits name a row
of `services/upstreams/listings.py` and of `services/upstreams/descriptions.py`; how to change which models it has
names one of `services/lifecycle/commands.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

ListsBy = Literal["/api/tags", "/v1/models"]
DescribesBy = Literal["/api/show"]
LoadedBy = Literal["/api/ps"]
ManagedBy = Literal["/api/pull"]
SignsInBy = Literal["bearer", "x-api-key"]
ReasoningField = Literal["reasoning_effort", "reasoning"]

_OPENAI_PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings")
SPOKEN: Mapping[str, tuple[str, ...]] = {
    "responses": ("/v1/responses",),
    "messages": ("/v1/messages",),
    "moderations": ("/v1/moderations",),
    "audio": ("/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations"),
    "images": ("/v1/images/generations", "/v1/images/edits", "/v1/images/variations"),
    "rerank": ("/v1/rerank",),
}
"""What an upstream may be said to speak beside the paths of its kind: the paths of each."""


class Kind(Struct, frozen=True, kw_only=True):
    """The traits that upstreams of one kind share. `name` is its name in the API.

    Money:
    `paid`: its responses may be charged for, so the intent of a request is durable before anything is sent, and its
    models start with prices from the list. `needs_price`: a model without a price is refused; elsewhere it costs
    nothing. An upstream of the kind may say otherwise of both. `reports_cost`: it reports what it charges, which is
    then the cost of a request. `price_list`: its provider's name in the list of genai-prices; None: the list knows it
    by its address. `lists_prices`: its own list has them, too. `priced_fields`: fields of requests that change the
    price or the model behind the price's back. `priced_tools`: types of tools that are charged beside
    tokens, as the field is. `priced_suffixes`: endings of any model's name that do so, which are not
    in its list. `takes_max_price`: it serves a request only at prices up to those that `provider.max_price` names.

    Reaching it:
    `default_url`: its address where an upstream names none. `signs_in_by`: the header that carries the secret.
    `headers`: those that every request needs beside it.
    `speaks`: the paths of clients' requests that it serves itself; `speaks_since`: those that it serves from a version
    on. `slots`: the requests that it runs at once unless an
    upstream says otherwise; 0: no bound. `probed_by`: the path whose response shows that it lives, which is asked for
    its own sake unless that is its list; None: only its responses to requests show that.

    Models:
    `lists_every`: seconds between two readings of its list. `shows_loaded_by`: the path that lists the models in its
    memory; None: it has all of them at hand. `managed_by`: the path by which it gets further models, which stands for
    all that changes them: it loads, unloads, copies and deletes them, too; None: its models are not ours to change.
    `lists_by`: the path that lists its models. `describes_by`: the path that describes what a model's template adds
    to a request, its context and its images, which bound the input for budgets; None: the bytes of the request and
    a flat allowance bound it. `name_prefix`, `default_tag`: what clients may add before a name, and leave out at its
    end. `cloud_suffixes`: endings of the names of models that run on someone else's machines, on its owner's account.

    Requests:
    `passes_over_unknown`: it ignores fields that are not part of its API, at every level. `takes_lone_surrogates`: its
    parser accepts halves of surrogate pairs; elsewhere they become U+FFFD. `takes_prompt_lists`: it completes several
    prompts at once. `takes_dimensions`: it makes embeddings of the requested length. `takes_bare_images`: the URL of an
    image may be a plain string. `uncapped`: values of `max_tokens` that mean "no limit". `renames_cap`: it knows
    `max_tokens` only. `newer_cap`: a cap that the client did not send is sent as `max_completion_tokens`, which
    reasoning models require. `hosts_tools`: it runs tools of its own, such as a search of the web, when the model calls
    them. `encrypts_reasoning_of`: how names of models begin that give their reasoning, encrypted, to clients who keep
    the conversation themselves; other models refuse to be asked for it.

    Translated requests:
    `reasoning_field`: the field by which a request says how much to think; None: some of its models refuse a request
    that has one, so what another API asks of that is left out. `takes_extensions`: it takes what other APIs have and
    OpenAI's lacks, `top_k` and `cache_control` on parts.
    """

    name: str
    paid: bool = True
    needs_price: bool = True
    reports_cost: bool = False
    default_url: str | None = None
    signs_in_by: SignsInBy = "bearer"
    headers: tuple[tuple[str, str], ...] = ()
    speaks: tuple[str, ...] = _OPENAI_PATHS
    speaks_since: tuple[tuple[str, tuple[int, ...]], ...] = ()
    slots: int = 0
    probed_by: str | None = None
    lists_every: float = 3600.0
    shows_loaded_by: LoadedBy | None = None
    managed_by: ManagedBy | None = None
    price_list: str | None = None
    lists_prices: bool = False
    priced_fields: tuple[str, ...] = ()
    priced_tools: tuple[str, ...] = ()
    priced_suffixes: tuple[str, ...] = ()
    takes_max_price: bool = False
    lists_by: ListsBy = "/v1/models"
    describes_by: DescribesBy | None = None
    name_prefix: str = "library/"
    default_tag: str = ":latest"
    cloud_suffixes: tuple[str, ...] = ()
    passes_over_unknown: bool = False
    takes_lone_surrogates: bool = False
    takes_prompt_lists: bool = True
    takes_dimensions: bool = True
    takes_bare_images: bool = False
    uncapped: range = range(0)
    hosts_tools: bool = False
    encrypts_reasoning_of: tuple[str, ...] = ()
    renames_cap: bool = False
    newer_cap: bool = False
    reasoning_field: ReasoningField | None = None
    takes_extensions: bool = False

    @property
    def list_probes(self) -> bool:
        """Whether reading its list shows that it lives."""
        return self.probed_by == self.lists_by

    def __repr__(self) -> str:
        return f"Kind({self.name!r})"


# As of Ollama 0.11.4, whose OpenAI requests are decoded by Go's encoding/json into structs of the fields it knows
# (openai/openai.go): a prompt is one string; `dimensions` and `encoding_format` of embeddings are not among them (from
# 0.11.11 on `dimensions` is); `num_predict` caps a response only where it is above 0.
OLLAMA = Kind(
    name="ollama",
    paid=False,  # it costs only time: what a crash loses is no money
    needs_price=False,
    default_url="http://localhost:11434",
    speaks=(*_OPENAI_PATHS, "/api/chat", "/api/generate", "/api/embed", "/api/embeddings"),
    speaks_since=(("/v1/responses", (0, 13, 3)), ("/v1/messages", (0, 14, 0))),
    slots=8,
    probed_by="/api/version",
    lists_every=30.0,
    shows_loaded_by="/api/ps",
    managed_by="/api/pull",
    lists_by="/api/tags",
    describes_by="/api/show",
    cloud_suffixes=(":cloud", "-cloud"),
    passes_over_unknown=True,
    takes_lone_surrogates=True,
    takes_prompt_lists=False,
    takes_dimensions=False,
    takes_bare_images=True,
    uncapped=range(-1, 0),
    renames_cap=True,
)
OPENAI = Kind(
    name="openai",
    price_list="openai",
    # All that its reference has, which is no reranking.
    speaks=(*_OPENAI_PATHS, "/v1/responses", *SPOKEN["moderations"], *SPOKEN["audio"], *SPOKEN["images"]),
    priced_fields=("service_tier",),
    priced_tools=("code_interpreter", "file_search", "image_generation", "mcp", "shell", "web_search"),
    newer_cap=True,
    hosts_tools=True,
    encrypts_reasoning_of=("o1", "o3", "o4", "codex", "gpt-5", "gpt-6"),
    reasoning_field="reasoning_effort",
    default_url="https://api.openai.com/v1",
)
# Its list has the variants of models with prices of their own (`:free`, `:thinking`, `:extended`, `:batch`). Those that
# any model takes are not in it: another choice of providers, and with `:online` a search of the web, which is charged.
OPENROUTER = Kind(
    name="openrouter",
    price_list="openrouter",
    lists_prices=True,
    priced_fields=("service_tier", "models", "provider", "plugins", "route"),
    priced_suffixes=(":online", ":nitro", ":floor", ":exacto"),
    takes_max_price=True,
    reasoning_field="reasoning",
    takes_extensions=True,
    reports_cost=True,
    default_url="https://openrouter.ai/api/v1",
)
ANTHROPIC = Kind(
    name="anthropic",
    price_list="anthropic",
    priced_fields=("speed", "inference_geo", "fallbacks", "fallback_credit_token", "billing_policy"),
    priced_tools=("web_search", "code_execution", "advisor"),
    signs_in_by="x-api-key",
    headers=(("anthropic-version", "2023-06-01"),),
    speaks=("/v1/messages", "/v1/messages/count_tokens"),
    default_url="https://api.anthropic.com",
)
# Anything from a llama.cpp on the next desk to a provider. So it counts as paid where that is only caution (the durable
# intent, prices from the list where its address is a provider's), and needs no price, which would refuse the models of
# one's own machines. It may be an Ollama too, so model names that would run on someone else's machines are refused as
# there.
# llama.cpp's server takes -1 for "no limit".
OPENAI_COMPATIBLE = Kind(
    name="openai-compatible",
    needs_price=False,
    cloud_suffixes=OLLAMA.cloud_suffixes,
    uncapped=range(-1, 0),
    probed_by="/v1/models",
    lists_every=30.0,
)

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (OLLAMA, OPENAI, OPENROUTER, ANTHROPIC, OPENAI_COMPATIBLE)}
"""Every kind, by its name."""
