"""Consistency of the demo's sample data."""

from tollkeeper.cli.demo.samples import ADMIN_KEY, ALIASES, CHAT_MODEL, PRICES, USERS, VISION_MODEL
from tollkeeper.rules.money import parse_price


def test_users_and_keys_are_unique():
    assert len({user.user_id for user in USERS}) == len(USERS)
    assert len({ADMIN_KEY, *(user.key for user in USERS)}) == len(USERS) + 1
    assert [user.user_id for user in USERS if user.role == "admin"] == ["admin"]


def test_each_model_has_one_price_and_aliases_name_models():
    assert [price.model for price in PRICES] == [CHAT_MODEL, VISION_MODEL]
    assert {model for models in ALIASES.values() for model in models} <= {CHAT_MODEL, VISION_MODEL}
    assert not set(ALIASES) & {CHAT_MODEL, VISION_MODEL}
    assert all(parse_price(figure) > 0 for price in PRICES for figure in (price.input, price.output))
