"""Path normalization: a trailing slash, a key in front, paths of other APIs."""

from __future__ import annotations

import re

from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.rules.errors import Forbidden, GatewayError, NotFound

# Paths of Ollama's API that change models → what an admin does instead.
_FOR_ADMINS = {
    "/api/pull": "POST /admin/models/pull",
    "/api/push": None,
    "/api/create": None,
    "/api/copy": "POST /admin/models/copy",
    "/api/delete": "DELETE /admin/models/{name}",
    "/api/blobs": None,
}
CONTROL_BEHIND_KEY = frozenset({"/api/v1/key", "/api/v1/generation"})
"""Paths of the control plane that a key in front opens, too: clients ask them beside the relayed ones."""
# Azure's clients put the model into the path as a deployment, in front of the operation.
_DEPLOYMENT = re.compile(r"(?:/openai|/v1|/openai/v1)?/deployments/.+?(/chat/completions|/completions|/embeddings)")


def read_path(exchange: Exchange) -> None:
    """Remove from a request's path the trailing slash, which matters only on the pages, where links are relative to it;
    and the key in front (`/k/<key>/…`), so that nothing else ever sees it."""
    # Slices take two thirds of the instructions of `endswith`; every request comes by here.
    if exchange.raw_path[-1:] == b"/" and len(exchange.path) > 1 and not exchange.path.startswith("/ui/"):
        exchange.path, exchange.raw_path = exchange.path[:-1], exchange.raw_path[:-1]
    if exchange.path[:3] == "/k/":
        secret, _, rest = exchange.path[3:].partition("/")
        exchange.secret_in_path, exchange.path = secret, "/" + rest


def not_relayed(exchange: Exchange) -> GatewayError | None:
    """Return the error for a path of another API, or any unknown path behind a key; None where the control plane may
    know the path."""
    path = exchange.path
    changing = "/api/blobs" if path.startswith("/api/blobs/") else path
    if changing in _FOR_ADMINS:
        by_admins = _FOR_ADMINS[changing]
        way = "on the machine of the Ollama itself" if by_admins is None else f"by {by_admins}"
        return Forbidden(f"Models are for admins to change: {changing} is not relayed, they do it {way}.")
    deployment = _DEPLOYMENT.fullmatch(path)
    if deployment is not None:
        operation = deployment[1]
        return NotFound(f"There are no deployments here. Use POST /v1{operation}, with the model's name in the body.")
    if exchange.secret_in_path is not None and path not in CONTROL_BEHIND_KEY:
        return NotFound("A key in the path opens the relayed paths only, and this is none of them.")
    return None
