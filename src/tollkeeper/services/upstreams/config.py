"""Configuration of an upstream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.http.headers import check_header, check_header_value

UpstreamState = Literal["active", "draining", "disabled"]
CostSource = Literal["price", "upstream"]

PROBE_EVERY = 2.0
"""Seconds between two probes of an upstream that is probed, unless it says otherwise."""


class Secret:
    """A text that no `repr`, log or error shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def reveal(self) -> str:
        return self._text


class TimeoutOverrides(Struct, frozen=True):
    """Timeouts of one upstream, or of one of its models, in seconds, as in `http/bounds.py`; None: the setting's."""

    connect: float | None = None
    first_byte: float | None = None
    event: float | None = None


class UpstreamConfig(Struct, frozen=True):
    """Everything that an admin sets of one upstream.

    Reaching it: `base_url`; `secret`, sent as its kind signs in; `headers`, sent with every request; `ca_file`, the
    PEM file of authorities that its certificate is verified by instead of the system's; `timeouts`, and
    `model_timeouts` by canonical model name; `probe_every` seconds, 0: never; `speaks`, paths that it serves beside
    those of its kind.

    Models: `models` are the names of those that it serves, as it spells them; None: those that it lists. `cloud`: it
    may serve models that run on someone else's machines.

    Routing: `state`: an active one gets requests; a draining one finishes those it has, and then is disabled. Smaller
    `priority` first; `weight` is its share among equals. At most `slots` requests run at once, and `model_slots` of one
    model; None: the kind's bound; 0: no bound. `spill_after`: the estimated wait in seconds beyond which a later choice
    is taken; None: a request waits here.

    Money: `paid`: its responses may be charged for, so its models need prices; None: both as its kind. `open`: any user
    may use it; else, where it is paid, only users with a limit on cost, or whose allowed models name the model.
    `budget_per_day` and `budget_per_month` (pico-dollars): the cost beyond which it gets no requests. `cost_source`
    None: as its kind.
    """

    id: str
    kind: Kind
    base_url: str
    models: tuple[str, ...] | None = None
    secret: Secret | None = None
    headers: tuple[tuple[str, Secret], ...] = ()
    ca_file: str | None = None
    timeouts: TimeoutOverrides = TimeoutOverrides()
    model_timeouts: Mapping[str, TimeoutOverrides] = {}
    probe_every: float = PROBE_EVERY
    speaks: tuple[str, ...] = ()
    cloud: bool = False
    state: UpstreamState = "active"
    priority: int = 0
    weight: int = 1
    slots: int | None = None
    model_slots: int = 0
    spill_after: float | None = None
    paid: bool | None = None
    open: bool = False
    budget_per_day: int | None = None
    budget_per_month: int | None = None
    cost_source: CostSource | None = None

    def __repr__(self) -> str:
        return f"UpstreamConfig({self.id!r}, {self.kind.name}, {self.state})"  # its address may hold a password

    def __post_init__(self) -> None:
        """Check what is sent in headers. Raises ValueError, which says what is wrong and shows no value."""
        sign_in = "x-api-key" if self.kind.signs_in_by == "x-api-key" else "authorization"
        names = set()
        if self.secret is not None:
            check_header_value(sign_in, self.secret.reveal())
            names.add(sign_in)
        for name, value in self.headers:
            check_header(name, value.reveal())
            if name.lower() in names:
                raise ValueError(f"{name!r} would be sent twice: set it once, as secret or as header")
            names.add(name.lower())

    def sent_headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of every request: sign-in, those of its kind, and its own, which replace those of its kind."""
        sent: dict[str, str] = {}
        if self.secret is not None:
            bearer = self.kind.signs_in_by == "bearer"
            secret = self.secret.reveal()
            sent |= {"authorization": f"Bearer {secret}"} if bearer else {"x-api-key": secret}
        sent |= self.kind.headers
        sent |= {name.lower(): value.reveal() for name, value in self.headers}
        return tuple((name.encode(), value.encode()) for name, value in sent.items())

    @property
    def is_paid(self) -> bool:
        """Whether its responses may be charged for: that decides journal, price and retries."""
        return self.kind.paid if self.paid is None else self.paid

    @property
    def needs_price(self) -> bool:
        """Whether a model without a price is refused."""
        return self.kind.needs_price if self.paid is None else self.paid

    @property
    def most_running(self) -> int:
        """The requests that it runs at once; 0: no bound."""
        return self.kind.slots if self.slots is None else self.slots

    @property
    def cost_from(self) -> CostSource:
        """Where the cost of a request comes from: its price, or what the upstream reports."""
        return self.cost_source or ("upstream" if self.kind.reports_cost else "price")

    def serves(self, path: str) -> bool:
        """Whether it serves requests on this path of clients itself."""
        return path in self.kind.speaks or path in self.speaks
