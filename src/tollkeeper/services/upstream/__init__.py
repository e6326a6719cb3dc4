"""The HTTP/1.1 client that carries every request to an upstream.

    ports.py    Client                what the floors above ask of an upstream
    config.py   UpstreamConfig        where one is and what it is
    client.py   HttpClient, Lease     one upstream: its address, its connections, the one retry
    address.py  Address               the base URL, taken apart; heads of requests
    pool.py     Pool                  who gets which connection, and who waits (decides only)
    http1.py    Connection            one socket: writing, timers, back-pressure; no other file touches sockets
    answer.py   Answer                one answer: parsed, buffered, read
    limits.py   Timeouts, Limits      every bound

A request's way: `acquire` a Lease, `send` it, `read` the Answer until b"". The connection goes back to the pool by
itself when the last byte of a whole answer has come.
"""

from tollkeeper.services.upstream.answer import Answer
from tollkeeper.services.upstream.client import HttpClient, Lease, Statistics
from tollkeeper.services.upstream.limits import Limits, Timeouts

__all__ = ["Answer", "HttpClient", "Lease", "Limits", "Statistics", "Timeouts"]
