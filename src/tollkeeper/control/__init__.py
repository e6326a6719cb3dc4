"""The control plane: FastAPI, for admins, users and operators. Few requests, rich types.

    app.py          the application, and its path table
    context.py      what the application is given
    routes.py       the kinds of guarded route: a user's, an admin's, a session's
    errors.py       errors into answers, and how the document shows them
    forms.py        what bodies have in common: lists, times, names
    public.py       /, /health, /ready, /metrics
    docs.py         /docs and /openapi.json
    relayed.py      how the document describes the data plane
    auth.py         /auth: signing in and out
    me.py           /me, own keys
    users.py        /admin/users
    limits.py       limits, and what is left of them
    keys.py         keys, by admins
    usage.py        records and sums: of a user, of everyone
    calls.py        one record, with its price; records as CSV
    adjustments.py  corrections and refunds
    prices.py       /admin/prices
    models.py       /admin/models
    aliases.py      /admin/aliases
    upstreams.py    /admin/upstreams
    live.py         /admin/live: what a dashboard shows, pushed
    audit.py        /admin/audit

Each noun's file holds its bodies and its paths. Nothing here decides: it reads a request, asks a service, shapes the
answer.
"""
