"""The fair line: requests wait here for a slot of an upstream.

selection.py which upstream serves a request, and what follows an attempt
line.py      who waits for what, and who gets the next free slot
deadlines.py when they have waited long enough
notices.py   who hears of their places
ticket.py    a request of the line
ports.py     what the line asks of upstreams
station.py   one upstream, as the line sees it
means.py     what requests of a user and model use, learned as they end
"""
