import pytest

from tests.services.house import AccountsHouse
from tollkeeper.cli.demo.prepare import BY, add_aliases, add_prices, add_users
from tollkeeper.config import WELL_KNOWN_PASSWORDS
from tollkeeper.rules.money import parse_price
from tollkeeper.services.accounts import UserChange
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.prices import NewPrice, Prices
from tollkeeper.services.sign_in import SignIn

SAMPLE_PASSWORDS = {"admin": "admin123", "alice": "alice123", "bob": "bob123", "charlie": "char123"}


@pytest.fixture
async def house() -> AccountsHouse:
    return AccountsHouse()


async def test_the_sample_keys_open(house: AccountsHouse) -> None:
    await add_users(house.accounts)
    keys = {"sk-alice-123": "alice", "sk-bob-456": "bob", "sk-char-789": "charlie", "sk-admin-001": "admin"}
    assert {secret: house.accounts.identify(secret).user.user_id for secret in keys} == keys
    assert house.accounts.identify_admin("sk-admin-001") == "admin"


async def test_the_sample_passwords_sign_in(house: AccountsHouse) -> None:
    await add_users(house.accounts)
    door = SignIn(house.accounts, house.clock)
    for name, password in SAMPLE_PASSWORDS.items():
        user, new = await door.sign_in(name, password, "127.0.0.1")
        assert (user.user_id, user.role) == (name, "admin" if name == "admin" else "user")
        assert house.accounts.identify_session(new.token).user == user
    assert SAMPLE_PASSWORDS == WELL_KNOWN_PASSWORDS  # so none of them is ever served to others


async def test_users_of_a_kept_folder_stay_as_they_are(house: AccountsHouse) -> None:
    await add_users(house.accounts)
    await house.accounts.update_user("alice", BY, UserChange(name="Alice", role="admin"))
    again = house.again()
    await again.load()
    await add_users(again)
    assert (again.user("alice").name, again.user("alice").role) == ("Alice", "admin")
    assert [len(again.keys_of(user.user_id)) for user in again.users()] == [1, 1, 1, 1]


async def test_sample_prices_come_once_and_never_over_others(house: AccountsHouse) -> None:
    prices = Prices(house.store.book, house.clock)
    await prices.put([NewPrice("moondream:latest", 7, 8)], BY)
    await add_prices(prices)
    await add_prices(prices)
    assert [(price.model, price.input, price.output) for price in prices.current()] == [
        ("llama3.2:1b", parse_price("0.05"), parse_price("0.10")),
        ("moondream:latest", 7, 8),
    ]
    assert len(prices.history("llama3.2:1b")) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"llama3.2": "llama3.2:1b"}),
        ({"gpt": "x"}, {"gpt": "x", "llama3.2": "llama3.2:1b"}),
        ({"llama3.2": "llama3.2:3b"}, {"llama3.2": "llama3.2:3b"}),
    ],
)
async def test_the_sample_alias_joins_others(
    house: AccountsHouse, before: dict[str, str], after: dict[str, str]
) -> None:
    catalog = Catalog([], house.store.book, house.clock, patience=1)
    await catalog.replace(before, BY)
    await add_aliases(catalog)
    assert catalog.get() == after
