import pytest

from tests.services.in_memory import InMemoryAccounts
from tollkeeper.cli.demo.prepare import DEMO_ACTOR, add_aliases, add_prices, add_users
from tollkeeper.config import WELL_KNOWN_PASSWORDS
from tollkeeper.rules.money import parse_price
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.sign_in import SignIn
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.prices import NewPrice, Prices

SAMPLE_PASSWORDS = {"admin": "admin123", "alice": "alice123", "bob": "bob123", "charlie": "char123"}


@pytest.fixture
async def services() -> InMemoryAccounts:
    return InMemoryAccounts()


async def test_the_sample_keys_authenticate(services: InMemoryAccounts) -> None:
    await add_users(services.accounts)
    keys = {"sk-alice-123": "alice", "sk-bob-456": "bob", "sk-char-789": "charlie", "sk-admin-001": "admin"}
    assert {secret: services.accounts.identify(secret).user.user_id for secret in keys} == keys
    assert services.accounts.identify_admin("sk-admin-001") == "admin"


async def test_the_sample_passwords_sign_in(services: InMemoryAccounts) -> None:
    await add_users(services.accounts)
    sign_in = SignIn(services.accounts, services.factors, services.clock)
    for name, password in SAMPLE_PASSWORDS.items():
        user, new = await sign_in.sign_in(name, password, "127.0.0.1")
        assert (user.user_id, user.role) == (name, "admin" if name == "admin" else "user")
        assert services.accounts.identify_session(new.token).user == user
    assert SAMPLE_PASSWORDS == WELL_KNOWN_PASSWORDS  # so none of them is ever served to others


async def test_existing_users_are_not_changed(services: InMemoryAccounts) -> None:
    await add_users(services.accounts)
    await services.accounts.update_user("alice", DEMO_ACTOR, UserChange(name="Alice", role="admin"))
    again = services.again()
    await again.load()
    await add_users(again)
    assert (again.user("alice").name, again.user("alice").role) == ("Alice", "admin")
    assert [len(again.keys_of(user.user_id)) for user in again.users()] == [1, 1, 1, 1]


async def test_sample_prices_do_not_replace_others(services: InMemoryAccounts) -> None:
    prices = Prices(services.store.prices, services.clock)
    await prices.put([NewPrice("moondream:latest", 7, 8)], DEMO_ACTOR)
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
        ({}, {"llama3.2": ("llama3.2:1b",)}),
        ({"gpt": ("x", "y")}, {"gpt": ("x", "y"), "llama3.2": ("llama3.2:1b",)}),
        ({"llama3.2": ("llama3.2:3b",)}, {"llama3.2": ("llama3.2:3b",)}),
    ],
)
async def test_the_sample_alias_is_added_to_others(
    services: InMemoryAccounts, before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]
) -> None:
    aliases = Aliases(services.store.aliases, services.clock)
    await aliases.replace(before, DEMO_ACTOR)
    await add_aliases(aliases)
    assert aliases.table == after
