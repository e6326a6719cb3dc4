"""What the data plane needs, built by `app.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tollkeeper.gateway.exchange import Bodies
from tollkeeper.services.accounts import Accounts
from tollkeeper.services.admission import Admission
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.figures import Figures
from tollkeeper.services.images import Images
from tollkeeper.services.live import Live
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.prices import Prices
from tollkeeper.services.runs import Runs


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes."""

    max_body_bytes: int
    max_event_bytes: int
    max_answer_bytes: int


@dataclass(frozen=True, slots=True)
class House:
    """`now` is milliseconds since the epoch, `clock` monotonic seconds, `opaque` an id that tells a provider users
    apart without telling who they are."""

    accounts: Accounts
    admission: Admission
    catalog: Catalog
    prices: Prices
    images: Images
    runs: Runs
    metrics: Metrics
    figures: Figures
    live: Live
    bodies: Bodies
    bounds: Bounds
    now: Callable[[], int]
    clock: Callable[[], float]
    opaque: Callable[[str], str]
