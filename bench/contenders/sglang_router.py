"""sglang-router (Rust): the fastest peer that is made for models. It balances between workers."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contenders.contender import KEYS
from bench.contenders.rust_router import RustRouter


class SglangRouter(RustRouter):
    name = "sglang-router"
    module = "sglang_router.launch_router"
    keys = True
    lacks = "one key for everybody: no users, limits, metering or records; sends without TCP_NODELAY"

    def known(self) -> Sequence[str]:
        return KEYS[:1]

    def more(self) -> Sequence[str]:
        return "--api-key", self.known()[0]
