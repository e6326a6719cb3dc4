"""The store: what the gateway keeps.

engines.py       the choice of the engine
errors.py        errors of a store
ports/           the values, and the seams between services and engines
redaction.py     what is left of the audit log's entries when a person is forgotten
clamp.py, time_buckets.py   what engines share: bounds of figures; minutes, hours and days
sql/             schema, rows and statements, for every SQL engine
sqlite/          the embedded engine: a file, its lock, its threads
postgres/        the engine that many processes share: records come to it from their journals
valkey/          counters on a server that several gateways share
memory/          an engine for tests and simulation
"""
