"""vllm-router (Rust): the vLLM project's balancer, which began as sglang-router."""

from __future__ import annotations

from bench.contenders.rust_router import RustRouter


class VllmRouter(RustRouter):
    name = "vllm-router"
    module = "vllm_router.launch_router"
    keys = False
    lacks = "no keys of its own (its `--api-key` is for workers): no users, limits, metering or records"
