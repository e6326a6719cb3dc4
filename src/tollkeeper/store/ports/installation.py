"""Values of the installation, by name, such as a check value of its pepper."""

from __future__ import annotations

from typing import Protocol


class Installation(Protocol):
    async def value(self, name: str) -> bytes | None: ...

    async def set_value(self, name: str, value: bytes) -> None: ...
