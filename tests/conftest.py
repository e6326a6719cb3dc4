"""What every test may use: the fixture `ollama`; and in CI no test is skipped in silence."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("pytester", "tests.rig.skips", "tests.ollama.plugin")

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

LONGEST = ("test_fresh.py", "test_every_page.py")
"""Files that take minutes; begun last, they would keep one worker after the other had run out."""


@pytest.hookimpl(trylast=True)  # after what was chosen, and brought into an order
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)
