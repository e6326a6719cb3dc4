"""Audited changes: who makes them, and in which order.

actor.py         who makes a change, and its entry in the audit log
change_queue.py  a queue of changes, made one at a time
"""
