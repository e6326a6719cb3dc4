"""Upstreams: servers that run models, and the client that reaches them.

config.py         address and kind of an upstream
upstreams.py      upstreams as admins manage them: saved, and in step with the registry
checks.py         what an admin may set
stored.py         upstreams as they are stored, with their secrets sealed
rotation.py       a new master key for all sealed secrets
connection_check.py  settings, tried before they are saved
registry.py       the registered upstreams, which may change at any time
health.py         whether an upstream can serve a model now, and when it may again
load.py           what an upstream runs, and the models in its memory
probes.py         the background work that finds out both
ports.py          the protocols of a client and its responses
query.py          the gateway's own requests to an upstream
listings.py       lists of an upstream's models, for each API that has one
descriptions.py   facts about a model, for each API that has them
redaction.py      what an upstream says, without its secrets
http/             our HTTP/1.1 client
"""
