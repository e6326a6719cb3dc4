"""The list of models as OpenAI's clients read it."""

import json

from tollkeeper.wire.dialect import ListedModel
from tollkeeper.wire.openai.models import model_body, models_body

PRICE = {"model": "tiny:latest", "input_usd_per_mtok": "0.15"}


def test_a_model_has_seconds_and_what_is_known_of_it():
    assert json.loads(model_body(ListedModel("tiny:latest", 1_795_176_000_999, True, PRICE))) == {
        "id": "tiny:latest",
        "object": "model",
        "created": 1_795_176_000,
        "owned_by": "library",
        "vision": True,
        "pricing": PRICE,
    }


def test_what_is_not_known_is_null_and_a_model_without_a_date_is_of_the_epoch():
    shown = json.loads(model_body(ListedModel("tiny", None, None, None)))
    assert (shown["created"], shown["vision"], shown["pricing"]) == (0, None, None)


def test_a_list_is_whole_and_keeps_its_order():
    models = [ListedModel(name, None, None, None) for name in ("b", "a")]
    told = json.loads(models_body(models))
    assert [model["id"] for model in told.pop("data")] == ["b", "a"]
    assert told == {"object": "list", "has_more": False, "next": None}
