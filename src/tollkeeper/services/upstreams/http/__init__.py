"""The HTTP/1.1 client that carries every request to an upstream.

    build.py       client_of               the client of an upstream, by what its admin has set
    client.py      HttpClient, Lease       one upstream: its connections, the one retry
    connector.py   Connector               how a connection is made, and why there is none
    tunnel.py      open_tunnel             through a proxy
    tls.py         tls_context             TLS, always verified
    pool.py        Pool                    which request gets which connection, and which wait (no I/O)
    connection.py  UpstreamConnection      one socket: writing, deadline, back-pressure
    deadlines.py   Deadlines               of all connections of a client, on one timer
    response.py    Response                one response: parsed, buffered, read
    bounds.py      Timeouts, ClientBounds  every bound

Use: `acquire` a Lease, `send` the request, `read` the Response until b"". The connection returns to the pool by itself
when the last byte of a complete response has arrived.
"""

from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.http.client import HttpClient, Lease, Statistics
from tollkeeper.services.upstreams.http.response import Response

__all__ = ["ClientBounds", "HttpClient", "Lease", "Response", "Statistics", "Timeouts"]
