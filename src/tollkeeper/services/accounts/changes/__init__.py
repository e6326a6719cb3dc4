"""Changes to accounts, one at a time.

saving.py  the queue of changes, and how each is saved and applied
keys.py    changes to keys
bulk.py    changes to many users at once
"""
