"""Anthropic's Messages, translated: as clients speak it, and as upstreams do.

format.py          the two formats, and what becomes of a client's fields
read_request.py    a client's request, as a conversation
read_messages.py   the messages of one
write_request.py   a conversation, as the body for an upstream
write_messages.py  the messages of one
models.py          what each of Anthropic's models takes: of thinking, and of sampling
read_output.py     an upstream's response, whole and event by event
write_output.py    a response for a client, whole and event by event
json_text.py       JSON of texts and of the arguments of calls
"""
