"""Events as e-mails."""

from __future__ import annotations

import msgspec
import pytest

from tollkeeper.rules.events import MAILED, EventType
from tollkeeper.services.events.letters import letter
from tollkeeper.store.ports.events import Event

BUDGET: dict[str, object] = {
    "owner": "user",
    "user_id": "ann",
    "key_id": None,
    "team_id": None,
    "end_user_id": None,
    "limit": "cost_usd_per_month",
    "model": None,
    "percent": 80,
    "value": "10",
    "used": "8.12",
    "resets_at": "2026-12-01T00:00:00.000Z",
}
DATA: dict[EventType, dict[str, object]] = {
    "budget.threshold": BUDGET,
    "budget.exhausted": BUDGET | {"percent": 100, "used": "10"},
    "user.suspended": {"user_id": "ann", "by": "root"},
    "upstream.down": {"upstream": "gpu", "reason": "it fails its probe"},
    "upstream.up": {"upstream": "gpu"},
    "ledger.failing": {"reason": "the disk is full"},
    "ledger.recovered": {"failed_at": "2026-11-20T12:00:00.000Z", "reason": "the disk is full"},
}


def of(event_type: EventType, data: dict[str, object]) -> Event:
    return Event("evt_1", 1_795_176_000_123, event_type, msgspec.json.encode(data).decode())


@pytest.mark.parametrize("event_type", sorted(MAILED))
def test_every_mailed_event_has_words_of_its_own(event_type: EventType) -> None:
    written = letter(of(event_type, DATA[event_type]))
    assert not written.subject.startswith("Tollkeeper:")
    assert "\n" not in written.subject
    assert "2026-11-20T12:00:00.123Z, evt_1" in written.text
    assert written.subject.replace("%", "%") in written.html


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "cost_usd_per_month of the user ann has reached 80 %: 8.12 of 10 US dollars."),
        ({"owner": "key", "key_id": "key_1"}, "of the key key_1 of ann"),
        ({"owner": "team", "team_id": "ops"}, "of the team ops"),
        ({"owner": "end_user", "end_user_id": "eu_1"}, "of the end user eu_1 of ann"),
        ({"owner": "everyone", "user_id": None}, "of everyone together"),
        ({"limit": "tokens_per_day", "value": 100, "used": 81}, "81 of 100 tokens"),
        ({"model": "tiny"}, "for the model tiny"),
    ],
)
def test_a_threshold_says_whose_budget_it_is_and_how_much_is_used(changed: dict[str, object], said: str) -> None:
    assert said in letter(of("budget.threshold", BUDGET | changed)).text


def test_names_of_others_can_neither_end_a_line_nor_a_tag() -> None:
    wicked = "gpu\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>\u2028"
    written = letter(of("upstream.down", {"upstream": wicked, "reason": wicked}))
    assert not any(line.startswith("Bcc:") for line in (written.subject + "\n" + written.text).splitlines())
    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html


def test_a_subject_is_bounded() -> None:
    assert len(letter(of("upstream.down", {"upstream": "x" * 5000, "reason": ""})).subject) <= 150
