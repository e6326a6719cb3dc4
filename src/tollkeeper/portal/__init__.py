"""The web pages: what `web/` was built into, served under `/ui/`.

app.py      who answers a path, with which policy
files.py    the built files, in memory
"""
