"""The web pages that `web/` is built into, served under `/ui/`.

app.py      the ASGI app: responses and their content security policy
files.py    the built files, in memory
"""
