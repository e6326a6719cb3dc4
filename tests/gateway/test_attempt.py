"""The order of an attempt: body, connection, intent, request, response; and what is undone where it ends early."""

from types import SimpleNamespace
from typing import Any

import pytest

from tollkeeper.gateway import attempt as module
from tollkeeper.gateway.attempt import attempt as make_attempt
from tollkeeper.rules.errors import InvalidKey, UpstreamUnavailable
from tollkeeper.wire.request import Endpoint, ModelRequest

REQUEST = ModelRequest(endpoint=Endpoint("/v1/x"), body=b"{}", model="m", stream=False, output_cap=None, text_bytes=2)


class Attempt:
    """Notes each step. What is in `fails` is raised by the step of that name."""

    def __init__(self, *, paid=False, sends=True):
        self.steps = []
        self.fails = {}
        self.sent = False
        self.sends = sends
        self.run = SimpleNamespace(
            attempt=lambda *_: self.step("begun"),
            journal=lambda: self.step("journalled"),
            sent=False,
            grant=None,
            intent_durable=self._awaited("intent durable"),
        )
        self.exchange = SimpleNamespace(end_with=None, run=None, finish_on_disconnect=None, headers={}, claim=None)
        self.accounts = SimpleNamespace(refresh=self._refresh)
        self.client = SimpleNamespace(acquire=self._acquire, redact=str)
        self.answered: list[Any] = []
        self.run.slot = SimpleNamespace(answered=lambda seconds, *, whole: self.answered.append((seconds, whole)))
        upstream = SimpleNamespace(config=SimpleNamespace(is_paid=paid))
        self.deployment = SimpleNamespace(model="m", spelling="m", upstream=upstream)
        self.adapter = SimpleNamespace(path="/v1/x", headers=lambda *_: ((b"x-y", b"z"),))

    def step(self, name):
        self.steps.append(name)
        if name in self.fails:
            raise self.fails[name]

    def _awaited(self, name):
        async def wait():
            self.step(name)

        return wait

    def _refresh(self, caller):
        self.step("access")
        return caller

    async def _acquire(self, model):
        assert model == "m"
        self.step("connected")
        return self

    async def send(self, method, target, headers, body):
        self.sent = self.sends
        self.step("sent")
        assert (method, target, body) == (b"POST", b"/v1/x", b"ready")
        assert headers == ((b"content-type", b"application/json"), (b"x-y", b"z"))
        return SimpleNamespace(status=200, abort=lambda: self.steps.append("response ended"))

    def release(self):
        self.steps.append("released")

    async def go(self, monkeypatch):
        async def prepare_body(*_):
            self.step("body")
            return b"ready"

        async def relay(*_):
            self.step("relayed")

        monkeypatch.setattr(module, "prepare_body", prepare_body)
        monkeypatch.setattr(module, "relay", relay)
        pins = SimpleNamespace(check_pinned=lambda _: None)
        context: Any = SimpleNamespace(accounts=self.accounts, resolver=pins, clock=lambda: 5.0)
        exchange: Any = self.exchange
        dispatched: Any = self.run
        offer: Any = SimpleNamespace(deployment=self.deployment, adapter=self.adapter, price=None)
        client: Any = self.client
        nothing: Any = None
        await make_attempt(context, exchange, dispatched, nothing, REQUEST, offer, client, (), None)


async def test_an_attempt_at_a_model_of_ones_own(monkeypatch):
    attempt = Attempt()
    await attempt.go(monkeypatch)
    assert attempt.steps == [
        "body", "begun", "connected", "access", "journalled", "sent", "relayed", "response ended", "released"
    ]  # fmt: skip
    assert (attempt.run.sent, attempt.answered) == (True, [(0.0, True)])


async def test_what_is_paid_for_goes_out_once_it_cannot_be_forgotten(monkeypatch):
    attempt = Attempt(paid=True)
    await attempt.go(monkeypatch)
    assert attempt.steps[4:7] == ["journalled", "intent durable", "sent"]
    assert attempt.exchange.finish_on_disconnect is True


@pytest.mark.parametrize(
    ("fails", "undone"), [("body", []), ("connected", []), ("access", ["released"]), ("sent", ["released"])]
)
async def test_what_was_taken_is_given_back_where_it_ends_early(monkeypatch, fails, undone):
    attempt = Attempt(sends=False)
    attempt.fails[fails] = InvalidKey("Gone.")
    with pytest.raises(InvalidKey):
        await attempt.go(monkeypatch)
    assert attempt.steps[attempt.steps.index(fails) + 1 :] == undone


@pytest.mark.parametrize("sends", [True, False])
async def test_whether_a_failure_leaves_a_record_is_a_matter_of_what_was_sent(monkeypatch, sends):
    attempt = Attempt(sends=sends)
    attempt.fails["sent"] = UpstreamUnavailable("Gone.")
    with pytest.raises(UpstreamUnavailable):
        await attempt.go(monkeypatch)
    assert attempt.run.sent is sends
