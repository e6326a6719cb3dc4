"""Services of the gateway: what the data plane and the control plane ask for, a package for each noun.

accounts/   users, keys and sessions
open_id/    signing in by OpenID Connect
limits/     admission of requests, and remaining quota
requests/   dispatched requests
queue/      the line for slots of upstreams, and which of them serves
upstreams/  servers that run models, and the client that reaches them
models/     models, their names and prices
lifecycle/  models of upstreams, from the pull to the deletion
billing/    invoices and credit
ledger/     commits, adjustments, and presentation of records
keyring/    the secrets file: pepper and master key
images/     images of requests
audit/      audited changes
alerts/     thresholds of budgets, and what is wrong with the installation
events/     events, and their way to webhooks and mailboxes
outbound/   requests to addresses that others choose
watching/   metrics, and the live view
streams.py  open streams of events, and the ticks at which they go on
offload.py  work in threads, off the event loop
"""
