"""Rotation of the master key, under which the secrets of all upstreams, of webhooks and of second factors are sealed.

    secrets file: old          database: old
    secrets file: old, new     database: old
    secrets file: old, new     database: new     by one transaction: every sealed secret, and the check value
    secrets file: new          database: new

Killed anywhere, the next start finds by the check value which key of the file the database needs, and drops the other
(`keyring/master_key.py`). Where the master key is a setting, the file takes no part: the operator changes the setting.
"""

from __future__ import annotations

import asyncio

from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.stored import resealed as resealed_webhook
from tollkeeper.services.keyring.master_key import (
    CHECK_NAME,
    MasterKey,
    Unopenable,
    new_master_key,
    open_master_key,
    read_master_key,
    second_factor_place,
)
from tollkeeper.services.keyring.secrets_file import SecretsError, SecretsFile
from tollkeeper.services.upstreams.stored import resealed
from tollkeeper.store.ports.store import Store

OPERATOR = Actor("@cli")


async def rotate(
    store: Store, file: SecretsFile, at: int, *, configured: str | None = None, new: str | None = None
) -> int:
    """Seal all secrets under a new master key: `new` (hexadecimal), or a random one. `configured` is the old one where
    a setting gives it; then `new` must be given. `at` is the moment of the audit entry. Returns how many upstreams have
    secrets. Raises SecretsError, StoreError; then the old key is in force."""
    if configured is not None and new is None:
        raise SecretsError("the master key is a setting, so the new one must be given: set TOLLKEEPER_NEW_MASTER_KEY")
    old = await open_master_key(file, store.installation, configured)
    text = new or new_master_key()
    key = MasterKey(read_master_key("new_master_key", text))
    if key.id == old.id:
        raise SecretsError("the new master key is the old one; give another")
    sealed: dict[str, bytes] = {}
    for row in await store.upstreams.load():
        try:
            secrets = resealed(row, old, key)
        except Unopenable:
            raise SecretsError(
                f"the secrets of the upstream {row.id} do not open: set them anew or remove it, then rotate again"
            ) from None
        if secrets is not None:
            sealed[row.id] = secrets
    webhooks: dict[str, bytes] = {}
    for webhook in await store.webhooks.load():
        try:
            webhooks[webhook.id] = resealed_webhook(webhook, old, key)
        except Unopenable:
            raise SecretsError(
                f"the secrets of the webhook {webhook.id} do not open: remove it, then rotate again"
            ) from None
    factors: dict[str, bytes] = {}
    for factor in await store.second_factors.load():
        place = second_factor_place(factor.user_id)
        try:
            factors[factor.user_id] = key.seal(old.open(factor.sealed, place), place)
        except Unopenable:
            raise SecretsError(
                f"the second factor of {factor.user_id} does not open: `tollkeeper users reset-second-factor"
                f" {factor.user_id}`, then rotate again"
            ) from None
    if configured is None:
        await asyncio.to_thread(file.change, next_master_key=text)
    detail = {"upstreams": sorted(sealed), "webhooks": sorted(webhooks), "second_factors": len(factors)}
    entry = OPERATOR.entry(at, "secrets.rotate", "*", detail)
    checks = {CHECK_NAME: key.check_value}
    await store.upstreams.reseal(sealed, key.id, checks, entry, factors=factors, webhooks=webhooks)
    if configured is None:
        await asyncio.to_thread(file.change, master_key=text, next_master_key=None)
    return len(sealed)
