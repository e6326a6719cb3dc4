"""Webhooks as they are stored."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tollkeeper.services.events.stored import SigningSecret, Webhook, from_stored, resealed, to_stored
from tollkeeper.services.keyring.master_key import MasterKey, Unopenable
from tollkeeper.store.errors import StoreError

KEY = MasterKey(b"k" * 32)
SECRETS = (SigningSecret("whsec_new"), SigningSecret("whsec_old", 2000))
WEBHOOK = Webhook("wh_1", 1000, "https://a.example/x", ("key.created",), "ours", "paused", SECRETS)


def test_a_webhook_comes_back_as_it_was() -> None:
    assert from_stored(to_stored(WEBHOOK, KEY), KEY) == WEBHOOK


def test_secrets_are_sealed_and_open_for_their_webhook_only() -> None:
    row = to_stored(WEBHOOK, KEY)
    assert b"whsec" not in row.sealed
    assert "whsec" not in row.settings
    with pytest.raises(Unopenable):
        from_stored(replace(row, id="wh_2"), KEY)


def test_secrets_are_never_printed() -> None:
    assert "whsec" not in repr(WEBHOOK)


def test_a_secret_signs_until_its_end() -> None:
    assert WEBHOOK.valid_secrets(1999) == ["whsec_new", "whsec_old"]
    assert WEBHOOK.valid_secrets(2000) == ["whsec_new"]


def test_secrets_are_sealed_under_another_key() -> None:
    other = MasterKey(b"o" * 32)
    row = to_stored(WEBHOOK, KEY)
    assert from_stored(replace(row, sealed=resealed(row, KEY, other)), other) == WEBHOOK


def test_settings_that_cannot_be_read_are_named() -> None:
    with pytest.raises(StoreError, match="the webhook wh_1"):
        from_stored(replace(to_stored(WEBHOOK, KEY), settings="[]"), KEY)
