"""A store in plain dicts, for unit tests and simulation. It behaves as the real one but is not durable.

store.py         opening; the parts over one set of tables
tables.py        the data, and the switch that makes writes fail
accounts.py      users and keys
end_users.py     end users
sessions.py      sessions
external_identities.py  identities at OpenID providers
second_factors.py       second factors
teams.py         teams of users
ledger.py        writing intents and records
reports.py       records, and sums over them
explorer.py      figures by group, for the explorer
refusals.py      counts of refused requests
erasure.py       forgetting a person
buckets.py       sums by bucket of time
counters.py      what was used and what is held
prices.py        versions of prices
invoices.py      invoices, the records that they cover, and credit
upstreams.py     upstreams
aliases.py       aliases of models
pins.py          what is fixed of models
jobs.py          work for admins
idempotency.py   claims to idempotency keys
installation.py  values of the installation
audit.py         the audit log
events.py        events, and their deliveries
alerts.py        alerts that are open
webhooks.py      addresses that events are sent to
"""

from tollkeeper.store.memory.store import MemoryStore, open_store

__all__ = ["MemoryStore", "open_store"]
