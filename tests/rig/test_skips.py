from __future__ import annotations

import pytest

SKIPPING = {
    "in the test": "import pytest\ndef test_x(): pytest.skip({reason!r})",
    "by a mark": "import pytest\n@pytest.mark.skip(reason={reason!r})\ndef test_x(): ...",
    "by a condition": "import pytest\n@pytest.mark.skipif(True, reason={reason!r})\ndef test_x(): ...",
    "by a fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip({reason!r})\ndef test_x(f): ...",
    "the module": "import pytest\npytest.skip({reason!r}, allow_module_level=True)",
}


def outcomes(pytester: pytest.Pytester, source: str) -> dict[str, int]:
    pytester.makepyfile(source)
    return pytester.runpytest_inprocess("-p", "tests.rig.skips", "-p", "no:asyncio").parseoutcomes()


@pytest.mark.parametrize("source", SKIPPING.values(), ids=SKIPPING.keys())
class TestSkips:
    def test_fails_in_ci(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
        monkeypatch.setenv("CI", "true")
        found = outcomes(pytester, source.format(reason="no time"))
        assert "skipped" not in found
        assert found.get("failed", 0) + found.get("errors", 0) == 1

    def test_passes_in_ci_with_a_reason_that_says_so(
        self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
    ) -> None:
        monkeypatch.setenv("CI", "true")
        assert outcomes(pytester, source.format(reason="ci-ok: needs a GPU")) == {"skipped": 1}

    def test_passes_elsewhere(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
        monkeypatch.delenv("CI", raising=False)
        assert outcomes(pytester, source.format(reason="no time")) == {"skipped": 1}


def test_an_expected_failure_is_no_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert outcomes(pytester, "import pytest\n@pytest.mark.xfail\ndef test_x(): assert False") == {"xfailed": 1}
