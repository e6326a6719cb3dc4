"""The data plane: every model request, from the socket to the ledger.

http/        the HTTP/1.1 server, its requests and responses
router.py    entry point of every request: picks the plane that handles it
guard.py     protection against web pages in a browser on the same machine (Host, Origin)
refusals.py  what is counted of a refused request
cors.py      response headers for allowed cross-origin pages
paths.py     path normalization: a key in front, a trailing slash, paths of other APIs
acting.py    the person whom a request is for, where its key acts for others
identity.py  authentication of model requests: API key or session cookie
idempotency.py  requests with an idempotency key
intake.py    the beginning of every request that asks a model: who sends it, for whom, and what it asks
handle.py    the life of a model request, on one screen
body.py      request bodies: reading them, and preparing them for an upstream
offers.py    the deployments that may serve a request, and what each would cost
dispatch.py  attempts, until one upstream has served a request
attempt.py   one attempt: body, connection, intent, request, response
heartbeat.py comments on streams that have nothing to send yet
pulse.py     the one timer of all heartbeats
counting.py  input tokens of a request, counted without running a model
relay.py     responses relayed to the client: whole, or event by event
memory.py    memory budgets of request and response bodies
lookups.py   what the gateway tells by itself, without asking a model
listing.py   the lists of models that a caller may use
description.py  what a single model is
context.py   the parts that the data plane is given
"""
