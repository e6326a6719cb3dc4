"""What every test may use: the fixture `ollama`; and in CI no test is skipped in silence."""

from __future__ import annotations

pytest_plugins = ("pytester", "tests.rig.skips", "tests.ollama.plugin")
