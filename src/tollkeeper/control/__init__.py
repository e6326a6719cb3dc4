"""The control plane: FastAPI, for admins, users and operators. Few requests, rich types.

    app.py      the application and its routes
    context.py  the services that routes use
    http/       what every route is built on: guards, request bodies, errors, shared schemas
    public.py   /, /health, /ready, /metrics
    auth.py     /auth: signing in and out
    second_factor.py  /auth/second-factor: one's own second factor
    open_id.py  /auth/providers, /auth/oidc: signing in by OpenID providers
    me.py       /me: a user's own account and keys
    usage/      records and figures by group, of one user and of everyone: /v1/usage, /admin/usage
    calls.py    one record with its price, and records as CSV
    refusals.py counts of refused requests: /v1/refusals, /admin/refusals
    invoices/   invoices and credit: one's own, and everyone's
    openrouter.py  /api/v1/key and /api/v1/generation: what clients of OpenRouter ask
    admin/      everything else under /admin, a file for each noun
    docs.py     /docs and /openapi.json
    relayed.py  how the OpenAPI document describes the data plane

Each noun's file holds its schemas and its routes. Nothing is decided here: a route reads a request, calls a service and
shapes the response.
"""
