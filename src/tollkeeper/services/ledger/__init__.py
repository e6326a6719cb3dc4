"""Services of the ledger.

commits.py           waiting for commits, each of which many requests share
adjustments.py       corrections and refunds, as new records
observers.py         observers of the outcome of requests
upstream_budgets.py  what upstreams have cost, and whether they may spend more
presentation.py      records in the API's bodies, in CSV and in exports
"""
