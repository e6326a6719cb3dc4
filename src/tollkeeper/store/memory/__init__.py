"""A store in plain dicts that keeps the promises of the real one but the last: it forgets at the end of the process.

For unit tests and simulation. `tables.py` holds what is kept and the switch that makes writing fail.
"""

from tollkeeper.store.memory.store import MemoryStore, open_store

__all__ = ["MemoryStore", "open_store"]
