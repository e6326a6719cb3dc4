"""Requests that are sent upstream.

dispatched.py   a dispatched request, from intent to record
idempotency.py  idempotency keys, and which request has claimed one
"""
