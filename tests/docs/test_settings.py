"""docs/settings.md has every setting, as `Settings` has it."""

from __future__ import annotations

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tests.docs.tables import code, rows, text
from tollkeeper.config import Settings, load_settings

TABLE = {code(name)[0]: cells for name, *cells in rows(text("docs/settings.md"), first="name")}


def test_the_table_has_every_setting_in_the_order_of_the_model() -> None:
    assert list(TABLE) == list(Settings.model_fields)


@pytest.mark.parametrize("name", TABLE)
def test_names_in_the_environment(name: str) -> None:
    assert code(TABLE[name][0]) == environment_names(name, Settings.model_fields[name])


@pytest.mark.parametrize("name", TABLE)
def test_defaults(name: str) -> None:
    shown, default = TABLE[name][1], Settings.model_fields[name].default
    if shown == "none":
        assert default in (None, ())
    else:
        assert getattr(load_settings(**{name: code(shown)[0]}), name) == default


@pytest.mark.parametrize("name", TABLE)
def test_units_and_meanings(name: str) -> None:
    unit, meaning = TABLE[name][2:]
    assert (unit == "seconds") == name.endswith(("_timeout", "_after"))
    assert (unit == "bytes") == name.endswith("_bytes")
    assert meaning.endswith(".")


def environment_names(name: str, field: FieldInfo) -> list[str]:
    alias = field.validation_alias
    choices = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [f"tollkeeper_{name}"]
    return [choice.upper() for choice in choices]
