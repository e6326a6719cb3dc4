"""What every route is built on.

guards.py   kinds of route: open to anyone, to users, to admins, to sessions
bodies.py   request bodies: their bounds, and how they are read
errors.py   errors as responses, and as the OpenAPI document shows them
compression.py  responses in gzip
event_stream.py  responses of server-sent events
schemas.py  what schemas share: lists, pages, times, names
"""
