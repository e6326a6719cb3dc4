"""Pure rules: money, usage, pricing, limits, admission, routing, names, errors.

No event loop, no clock, no database: time and randomness come in as arguments, so every rule is tested by values.

money.py            exact money, without floats
times.py            times, and their text
ids.py              ids that sort by time
names.py            canonical names of models
usage.py            token counts of one request, by class
pricing.py          the price of a model at a moment, and the cost of a request
limits.py           the limits object
windows.py          usage in the spans of time that limits bound
owners.py           owners of limits: users, keys and others
terms.py            the limits that apply to a request
delegation.py       limits that an admin of a team may set
admission.py        the check of all limits of a request in one step
token_ratio.py      input tokens per byte of text, learned for each model
image_tokens.py     upper bounds of the input tokens of an image
kinds.py            kinds of upstream, as records of traits
routing.py          the order in which upstreams are tried
affinity.py         the upstream that served a conversation last
outcomes.py         ways in which an attempt at an upstream can fail
failover.py         what follows when an attempt has failed, as a table
breaker.py          circuit breaker: its states, as a table
resting.py          the time for which an upstream asked for no requests
recent.py           the number of recent events
fairness.py         the order of the line: who has had least service is next
histograms.py       counts of durations by bucket, and percentiles from them
waiting_time.py     the predicted wait in that line
turns.py            a bounded fair queue
claims.py           what the claims of an OpenID provider say about a person
chain.py            the hash chain of records
invoices.py         an invoice, and its states as a table
invoice_lines.py    the lines of an invoice, from what was used
invoicing.py        sum, tax, credit, total and hash of an invoice; credit notes
canonical_json.py   canonical JSON, which hashes are made of
pull_failures.py    failures of pulls, as upstreams word them, and which to retry
pull_progress.py    what has arrived of a pulled model, at which rate, and the time left
retention.py        which records are old enough to be deleted
alerts.py           thresholds of budgets that are reached
events.py           what the world outside is informed of
mail.py             e-mail addresses
retries.py          when a delivery that failed is tried again
errors.py           every error that a client may see
reasons.py          why a request was not completed, as its record says
upstream_status.py  the gateway's error for an upstream's error
"""
