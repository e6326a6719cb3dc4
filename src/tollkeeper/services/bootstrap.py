"""The bootstrap admin key: the way in before there is any user, and when all others are lost."""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.services.keys import new_secret
from tollkeeper.services.secrets import Secrets
from tollkeeper.store.ports import Book

_NAME = "bootstrap_key"


class Bootstrap(Struct, frozen=True):
    """`digest` is what the key is recognised by. `made` is the key itself when it was made just now, to be printed
    once; else None."""

    digest: bytes
    made: str | None = None

    def __repr__(self) -> str:
        return f"Bootstrap(made={self.made is not None})"


async def open_bootstrap(configured: str | None, secrets: Secrets, book: Book) -> Bootstrap:
    """The configured key when there is one, else the one made at the first start."""
    if configured is not None:
        return Bootstrap(secrets.digest(configured))
    kept = await book.value(_NAME)
    if kept is not None:
        return Bootstrap(kept)
    made = new_secret("bootstrap")
    digest = secrets.digest(made)
    await book.set_value(_NAME, digest)
    return Bootstrap(digest, made)
