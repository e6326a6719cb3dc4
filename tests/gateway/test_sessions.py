"""Signing in, and what a session opens, through the whole gateway."""

from __future__ import annotations


async def test_sign_in_and_out(gateway):
    await gateway.client.patch("/admin/users/alice", json={"password": "wonderland"}, headers={"authorization": f"Bearer {gateway.secrets['admin']}"})
    async with browser(gateway) as alice:
        r = await alice.post("/auth/login", json={"username": "alice", "password": "wonderland"})
        print(r.status_code, r.text, r.headers)
        r = await alice.get("/auth/session")
        print(r.status_code, r.text, r.headers)
        csrf = {"x-csrf-token": r.json()["csrf_token"], "origin": gateway.url}
        r = await alice.get("/me"); print(r.status_code, r.text)
        r = await alice.post("/me/keys", json={}, headers=csrf); print(r.status_code, r.text)
        r = await alice.post("/me/keys", json={}); print(r.status_code, r.text)
        r = await alice.post("/v1/chat/completions", json={"model":"tiny","messages":[]}, headers=csrf); print(r.status_code, r.text)
        r = await alice.post("/auth/logout", headers=csrf); print(r.status_code, r.text, r.headers)
        r = await alice.get("/me"); print(r.status_code, r.text)
    assert 0

import httpx2 as httpx
def browser(gateway):
    return httpx.AsyncClient(base_url=gateway.url)
