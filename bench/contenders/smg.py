"""Shepherd Model Gateway (Rust), what sglang-router's authors make now: it balances, and knows each tenant by a key."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contenders.rust_router import RustRouter


class Smg(RustRouter):
    name = "smg"
    module = "smg.launch_router"
    keys = True
    lacks = "no limits or records; counts a tenant's tokens only where their rate is limited, which is left off here"

    def more(self) -> Sequence[str]:
        tenants = [word for key in self.known() for word in ("--tenant-api-key", f"{key}:{key}")]
        return "--history-backend", "none", "--disable-tokenizer-autoload", *tenants
