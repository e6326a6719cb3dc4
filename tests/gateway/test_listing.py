"""The models that a caller may use, by a dialect of the test's own."""

from types import SimpleNamespace
from typing import Any

import pytest

from tollkeeper.gateway import listing as module
from tollkeeper.gateway.listing import list_models, listed_model, show_model
from tollkeeper.rules.errors import ModelNotAllowed
from tollkeeper.services.upstreams.listings import NO_FILE, LoadedModel, ModelFile
from tollkeeper.wire.dialect import InMemory, Listing

ANN: Any = SimpleNamespace(owners=("ann",), acts_by=None)


def show_name(model):
    return f"{model.name} {model.modified_at} {model.sees_images} {model.price}".encode()


LISTING = Listing("/names", lambda models: b",".join(model.name.encode() for model in models), show_name)
LOADED = Listing(
    "/loaded", lambda models: repr([(model.name, model.memory) for model in models]).encode(), in_memory=True
)


class Exchange:
    async def respond(self, status, headers, body):
        self.answer = (status, dict(headers), body)


def model(name, file=NO_FILE):
    """On two upstreams, of which the caller may use the second."""
    load = SimpleNamespace(
        loaded=frozenset({"large", "secret"}), memory={"large": LoadedModel(9), "tiny": LoadedModel(1)}
    )
    places = [
        SimpleNamespace(
            model=name,
            modified_at=at,
            version="v",
            file=file,
            upstream=SimpleNamespace(config=SimpleNamespace(id=at, kind=SimpleNamespace(name="k")), load=load),
        )
        for at in (6, 7)
    ]
    return SimpleNamespace(name=name, deployments=places)


@pytest.fixture
def context(monkeypatch):
    caller = SimpleNamespace(owners=("ann",), acts_by=None)
    monkeypatch.setattr(module, "authenticate", lambda exchange, accounts: caller)
    there = []

    async def refresh():
        there.extend([model("tiny"), model("secret"), model("large")])

    async def find(name):
        return model(name)

    def usable(owners, model):
        assert owners == ("ann",)
        if model.name == "secret":
            raise ModelNotAllowed("It is.", param="model")
        return model.deployments[1:]

    return SimpleNamespace(
        accounts=None,
        admission=SimpleNamespace(usable=usable),
        catalog=SimpleNamespace(models=lambda: there, refresh_on_miss=refresh),
        resolver=SimpleNamespace(model=find),
        prices=SimpleNamespace(in_force=lambda name, upstream_id, at: None if upstream_id == 7 else 1 / 0),
        facts=SimpleNamespace(sees_images=lambda model: True),
        now=lambda: 0,
    )


async def test_a_list_has_those_alone_that_may_be_used_and_asks_where_none_is_known(context):
    exchange: Any = Exchange()
    await list_models(context, exchange, LISTING)
    assert exchange.answer == (200, {b"content-type": b"application/json"}, b"tiny,large")


async def test_one_of_them_with_what_is_known_of_it(context):
    exchange: Any = Exchange()
    await show_model(context, exchange, show_name, "tiny")
    assert exchange.answer[2] == b"tiny 7 True None"
    with pytest.raises(ModelNotAllowed):
        await show_model(context, exchange, show_name, "secret")


async def test_of_those_in_memory_what_their_upstream_says_of_them(context):
    exchange: Any = Exchange()
    await list_models(context, exchange, LOADED)
    assert exchange.answer[2] == repr([("large", InMemory(9))]).encode(), "'tiny' has left since"


async def test_what_a_model_is_made_of_is_what_the_list_says_and_else_the_kind_of_its_upstream(context):
    shown = listed_model(context, ANN, model("tiny"))
    assert (shown.size, shown.digest, shown.family, shown.parameters, shown.quantization) == (0, "v", "k", "", "")
    shown = listed_model(context, ANN, model("tiny", ModelFile(5, "llama", "7B", "Q8_0")))
    assert (shown.size, shown.family, shown.parameters, shown.quantization) == (5, "llama", "7B", "Q8_0")
