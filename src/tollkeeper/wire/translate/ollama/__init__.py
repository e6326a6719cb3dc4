"""Ollama's own API as a format of clients: its chats and prompts, served by upstreams that speak another.

read_request.py  a request, read as a conversation
write_output.py  output, as a response of one body or of lines
fates.py         what becomes of each field of a request
format.py        these, as formats of clients
"""
