"""The format of chat completions: what clients ask in it, and what upstreams that speak it are sent.

format.py        the records of its functions
fates.py         what becomes of each field of a client's request
read_request.py  a client's request, as a conversation
read_messages.py its messages, as turns
read_tools.py    its tools, and the choice of them
fields.py        values of its fields
write_request.py a conversation, as a body for upstreams
write_message.py a turn of it, as messages
read_output.py   an upstream's response, as output
response_fields.py its fields, in any shape
write_output.py  output, as a response for clients
"""
