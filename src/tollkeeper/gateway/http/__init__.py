"""The HTTP/1.1 server.

server.py          listening sockets, and graceful shutdown
server_state.py    state shared by all connections of a server
connection.py      the server's side of one connection
states.py          the states of a connection, as two tables
timers.py          deadlines of a connection
flow_control.py    pausing and resuming of reads and writes
request_parser.py  parser from bytes to requests
known_head.py      a head that a connection has sent before
framing.py         checks of RFC 9112 beyond those of the parser
turns.py           work spread over turns of the event loop
peer.py            the other end of a connection
forwarded.py       the client's address behind proxies
channel.py         the interface of a connection to its exchanges
exchange.py        one request and its response
request_body.py    the body of a request, as it arrives
responses.py       heads of responses, and error responses
event_stream.py    a response of server-sent events
asgi.py            adapter from an exchange to ASGI apps
"""
