"""The bootstrap admin key: the configured one, the one that is kept, or one made now."""

import pytest

from tollkeeper.services.accounts.bootstrap import keep_bootstrap, open_bootstrap
from tollkeeper.services.accounts.pepper import Pepper
from tollkeeper.store.memory.store import MemoryStore

PEPPER = Pepper(b"pepper" * 6)


@pytest.fixture
async def installation():
    return MemoryStore().installation


async def test_one_that_was_made_is_kept_once_it_was_shown(installation):
    made = await open_bootstrap(None, PEPPER, installation)
    assert made.made is not None
    assert made.digest == PEPPER.digest(made.made)
    assert (await open_bootstrap(None, PEPPER, installation)).digest != made.digest, "nobody has seen it"
    await keep_bootstrap(made, installation)
    kept = await open_bootstrap(None, PEPPER, installation)
    assert (kept.digest, kept.made) == (made.digest, None)


async def test_the_configured_one_wins_and_is_not_made(installation):
    await keep_bootstrap(await open_bootstrap(None, PEPPER, installation), installation)
    configured = await open_bootstrap("sk-of-the-operator", PEPPER, installation)
    assert (configured.digest, configured.made) == (PEPPER.digest("sk-of-the-operator"), None)


async def test_it_is_not_printed(installation):
    made = await open_bootstrap(None, PEPPER, installation)
    assert made.made is not None
    assert made.made not in repr(made)
