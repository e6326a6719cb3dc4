"""Limits: admission of requests, and remaining quota.

admission.py   checks all limits of a request in one step; returns a Grant or raises a refusal
demand.py      the most that one request may use
grant.py       an admitted request: what it may use, and how it is settled or given back
refusals.py    errors for requests that limits refuse
backfill.py    counts earlier usage in new counters
usage.py       the current status of limits
changes.py     changes to limits, merged into those in force
templates.py   named sets of limits
"""
