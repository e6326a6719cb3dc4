"""Alerts: what somebody should know, reported as an event when it begins.

book.py        the alerts that are open
budgets.py     thresholds of budgets: an observer of settlement
conditions.py  upstreams that are down, and a ledger that cannot be written
"""
