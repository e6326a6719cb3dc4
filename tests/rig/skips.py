"""A pytest plugin: where CI=true, a skipped test is a failed one, unless its reason begins with `ci-ok:`.

A test that quietly does not run proves nothing; on a developer's machine it may, in CI it may not.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

ALLOWED = "ci-ok:"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse(report)
    return report


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if os.environ.get("CI") == "true" and not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI without `{ALLOWED}`: {reason}"
