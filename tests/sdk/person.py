"""A user of the gateway, and what it has on record of them."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from tests.process.served import PATIENCE, Served

Sdk = Any
"""The SDK's client. Its answers may lack almost any field, by their types; here one that is lacking fails the test."""


class Person(NamedTuple):
    gateway: Served
    user_id: str
    key: str

    def ask(self, path: str) -> Any:
        """What `GET path` answers them."""
        return self.gateway.ask(self.key, "GET", path)

    def records(self, count: int) -> list[dict[str, Any]]:
        """Their records, newest first, once there are `count`: what was cancelled is recorded a moment later. More
        than that are a failure. Asked for by the admin, since the person may have lost their key."""
        deadline = time.monotonic() + PATIENCE
        path = f"/admin/users/{self.user_id}/usage?limit=1000"
        while len(found := self.gateway.admin("GET", path)["data"]) < count:
            assert time.monotonic() < deadline, f"{len(found)} records instead of {count}"
            time.sleep(0.02)
        assert len(found) == count
        return list(found)

    def record(self) -> dict[str, Any]:
        (record,) = self.records(1)
        return record


def figures(record: dict[str, Any]) -> dict[str, int]:
    """The tokens of a record, as `usage` of an answer names them."""
    return {name: record[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
