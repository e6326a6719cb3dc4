"""The interface of a store: the values that are stored, and one small protocol for each seam.

    accounts.py   users and their keys
    end_users.py  the people whom keys act for
    sessions.py   sessions of signed-in users
    external_identities.py  identities at OpenID providers
    second_factors.py       second factors of users
    teams.py      teams of users
    records.py    intents and records of requests
    record_fields.py  the table of a record's fields
    record_order.py   orders in which records are listed
    ledger.py     writing intents and records
    reports.py    reading records, and sums over them
    shipments.py  records from journals, into a database that processes share
    refusals.py   counts of refused requests
    explorer.py   figures by group, with refusals and percentiles
    erasure.py    forgetting a person
    buckets.py    sums over records by minute, hour or day
    counters.py   what was used and what is held, by user, key and model
    prices.py     versions of prices
    invoices.py   invoices, the records that they cover, and credit
    aliases.py    aliases of models
    upstreams.py  upstreams, and their sealed secrets
    pins.py       what is fixed of models
    model_colors.py   the order in which models were first seen
    limit_templates.py  named sets of limits
    jobs.py       work for admins that goes on without them
    idempotency.py    claims to idempotency keys
    installation.py   values of the installation, by name
    audit.py      the audit log
    events.py     events, and their deliveries
    alerts.py     alerts that are open
    webhooks.py   addresses that events are sent to, and their sealed secrets
    store.py      the store of one engine
    maintenance.py    operators' commands for a database

Times are integers: milliseconds since the epoch, UTC. Money is an integer of pico-dollars. An engine (`sqlite`,
`postgres`, `memory`) offers an object with one attribute for each protocol (`store.py`).
"""
