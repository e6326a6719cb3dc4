"""What the log never holds."""

import logging

import pytest

from tests.gateway.conftest import ask

PROMPT = "a very private prompt"


@pytest.mark.parametrize("in_path", [True, False])
@pytest.mark.parametrize("breaks", [True, False])
async def test_no_key_and_no_prompt_is_logged(gateway, caplog, monkeypatch, in_path, breaks):
    caplog.set_level(logging.DEBUG)
    key = gateway.secrets["alice"]
    if breaks:
        monkeypatch.setattr(gateway.house.catalog, "route", None)
    request = gateway.client.build_request(
        "POST", f"/k/{key}/chat/completions" if in_path else "/chat/completions",
        json=ask(messages=[{"role": "user", "content": PROMPT}]),
    )  # fmt: skip
    if in_path:
        del request.headers["authorization"]
    answer = await gateway.client.send(request)
    assert answer.status_code == (500 if breaks else 200)
    # The client of this test logs what it asks for, in the same process.
    ours = [record for record in caplog.records if record.name.startswith("tollkeeper")]
    assert bool(ours) == breaks
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert key not in text
    assert PROMPT not in text
    assert key not in answer.text
