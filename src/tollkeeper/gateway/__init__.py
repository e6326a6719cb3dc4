"""The data plane: every model request, from the socket to the ledger.

protocol.py   the server's side of HTTP/1.1: deadlines, bounds, our own error envelope
server.py     who listens; signals, stopping
entry.py      where every request enters: who may knock, which plane answers
asgi.py       an exchange as the apps of the control plane and the pages see it
guard.py      defence against the pages of a browser; who asks from behind a proxy
exchange.py   one request and its answer
handle.py     the life of a request, on one screen
body.py       its body: read, and made ready to be sent on
relay.py      the answer on its way: whole, or event by event
answers.py    answers of our own, errors above all
listing.py    the models a user may ask for
house.py      what all of them are given
"""
