"""Requests to addresses that others choose: those of images and of receivers of webhooks.

target.py   web addresses, strictly parsed
lookup.py   DNS look-ups, in threads
network.py  connections, but not to the gateway's own network
"""
