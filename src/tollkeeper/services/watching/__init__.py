"""Monitoring for operators.

pool.py          the pool of upstreams as it is at the moment, with the line before it
metrics.py       metrics in the format of Prometheus
live.py          the live view: the state of the gateway, once a second
user_live.py     the live view of single users: what each has used and has left
model_colors.py  the colours of models on the pages
refusals.py      counts of refused requests
totals.py        running totals of today and this month
"""
