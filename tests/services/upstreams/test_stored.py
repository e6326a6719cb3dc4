"""Upstreams as they are stored."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.services.keyring.master_key import MasterKey, Unopenable
from tollkeeper.services.upstreams.config import Secret, TimeoutOverrides, UpstreamConfig
from tollkeeper.services.upstreams.stored import (
    from_stored,
    join_userinfo,
    origin,
    plain_settings,
    resealed,
    split_userinfo,
    to_stored,
    without_secrets,
)
from tollkeeper.store.errors import StoreError

KEY, OTHER_KEY = MasterKey(b"k" * 32), MasterKey(b"o" * 32)
FULL = UpstreamConfig(
    "azure",
    OPENAI,
    "https://me:p%40ss@azure.example/v1",
    models=("gpt-4o", "o3"),
    secret=Secret("sk-provider"),
    headers=(("api-key", Secret("header-value")), ("x-team", Secret("red"))),
    ca_file="/etc/ca.pem",
    timeouts=TimeoutOverrides(connect=2.5),
    model_timeouts={"o3": TimeoutOverrides(first_byte=900)},
    probe_every=0,
    speaks=("/v1/responses",),
    cloud=True,
    state="draining",
    priority=2,
    weight=3,
    slots=4,
    model_slots=1,
    spill_after=1.5,
    paid=True,
    open=True,
    budget_per_day=10**13,
    budget_per_month=10**15,
    cost_source="upstream",
)


def test_every_setting_comes_back():
    defaults = UpstreamConfig("a", OLLAMA, "http://a")
    for name in UpstreamConfig.__struct_fields__:
        assert getattr(FULL, name) != getattr(defaults, name), f"{name} is not tried here"
    assert from_stored(to_stored(FULL, KEY), KEY) == FULL


def test_one_without_secrets_seals_nothing():
    plain = UpstreamConfig("desk", OLLAMA, "http://desk:11434")
    row = to_stored(plain, KEY)
    assert (row.settings, row.sealed, row.key_id) == ('{"kind":"ollama","base_url":"http://desk:11434"}', None, None)
    assert from_stored(row, OTHER_KEY) == plain


def test_no_secret_is_stored_in_the_clear():
    row = to_stored(FULL, KEY)
    assert row.key_id == KEY.id
    for secret in ("sk-provider", "header-value", "p%40ss", "p@ss", "red"):
        assert secret not in row.settings
        assert secret.encode() not in (row.sealed or b"")
        assert secret not in str(plain_settings(FULL))
        assert secret not in repr(FULL)


@pytest.mark.parametrize(
    ("id_", "old", "new"),
    [
        ("other", "", ""),
        ("azure", "azure.example", "evil.example"),
        ("azure", "azure.example/", "azure.example:8443/"),
        ("azure", "https://", "http://"),
    ],
)
def test_a_row_copied_to_another_upstream_does_not_open(id_, old, new):
    row = to_stored(FULL, KEY)
    with pytest.raises(Unopenable):
        from_stored(replace(row, id=id_, settings=row.settings.replace(old, new)), KEY)


def test_another_path_of_the_same_origin_opens():
    row = to_stored(FULL, KEY)
    moved = from_stored(replace(row, settings=row.settings.replace("/v1", "/v2")), KEY)
    assert (moved.secret, moved.base_url) == (FULL.secret, "https://me:p%40ss@azure.example/v2")


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[]",
        "{}",
        '{"kind":"no such","base_url":"http://a"}',
        '{"kind":"ollama"}',
        '{"kind":"ollama","base_url":"http://a","weight":"heavy"}',
        '{"kind":"ollama","base_url":"http://a","colour":"red"}',
        '{"kind":"ollama","base_url":"http://a","state":"asleep"}',
    ],
)
def test_settings_that_cannot_be_read_are_an_error_of_the_store(settings):
    with pytest.raises(StoreError, match="settings of the upstream azure"):
        without_secrets(replace(to_stored(FULL, KEY), settings=settings))


def test_resealed_secrets_open_with_the_new_key_only():
    row = to_stored(FULL, KEY)
    sealed = resealed(row, KEY, OTHER_KEY)
    assert from_stored(replace(row, sealed=sealed), OTHER_KEY) == FULL
    with pytest.raises(Unopenable):
        from_stored(replace(row, sealed=sealed), KEY)
    assert resealed(replace(row, sealed=None), KEY, OTHER_KEY) is None


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://Azure.example/openai/v1", "https://azure.example:443"),
        ("http://me:secret@10.0.0.5:11434", "http://10.0.0.5:11434"),
        ("http://[::1]/", "http://::1:80"),
    ],
)
def test_origins(base_url, expected):
    assert origin(base_url) == expected


@pytest.mark.parametrize("base_url", ["http://a", "http://a:1/x", "http://[::1]:2"])
def test_userinfo_is_split_and_joined(base_url):
    assert split_userinfo(base_url) == (base_url, None)
    assert split_userinfo(join_userinfo(base_url, "me:p%40ss")) == (base_url, "me:p%40ss")
    assert join_userinfo(base_url, None) == base_url
