"""What every test may use: the fixture `ollama`; and in CI no test is skipped in silence."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ("pytester", "tests.rig.skips", "tests.ollama.plugin")

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
