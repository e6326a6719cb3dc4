"""The bootstrap admin key: access before there is any user, and when all other keys are lost."""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.services.accounts.keys import new_secret
from tollkeeper.services.accounts.pepper import Pepper
from tollkeeper.store.ports.installation import Installation

_NAME = "bootstrap_key"


class Bootstrap(Struct, frozen=True):
    """The bootstrap admin key, by its `digest`. `made` is the key itself if it was just generated and is not saved yet;
    else None."""

    digest: bytes
    made: str | None = None

    def __repr__(self) -> str:
        return f"Bootstrap(made={self.made is not None})"


async def open_bootstrap(configured: str | None, pepper: Pepper, installation: Installation) -> Bootstrap:
    """Choose the configured key, else the saved one, else generate one, which is to be shown and then saved."""
    if configured is not None:
        return Bootstrap(pepper.digest(configured))
    kept = await installation.value(_NAME)
    if kept is not None:
        return Bootstrap(kept)
    made = new_secret("bootstrap")
    return Bootstrap(pepper.digest(made), made)


async def keep_bootstrap(bootstrap: Bootstrap, installation: Installation) -> None:
    """Save the key for later starts. A generated key must be shown first, or nobody could ever use it."""
    await installation.set_value(_NAME, bootstrap.digest)
