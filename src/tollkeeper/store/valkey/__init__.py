"""Counters on a Valkey or Redis server (7 or later) that several gateways share.

counters.py    the engine of counters
prepared.py    what all requests on the same terms send alike
library.py     the functions that run on the server: lua/*.lua as one library
loading.py     filling a place that the server does not know
link.py        one connection, kept up: calls in order, deadlines, answers
protocol.py    one connection's bytes: commands and answers
address.py     where the server is
errors.py      errors
"""

from tollkeeper.store.valkey.counters import ValkeyCounters

__all__ = ["ValkeyCounters"]
