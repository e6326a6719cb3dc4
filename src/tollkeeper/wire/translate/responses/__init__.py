"""The Responses dialect as a format of clients.

format.py         its functions
fates.py          the fates of fields
read_request.py   a request, as a conversation
read_items.py     its items, as turns
read_tools.py     its tools, and which of them the model should call
thoughts.py       thoughts that only their maker can read, carried by the client
echo.py           the response object, which repeats fields of the request
items.py          items of output
write_output.py   output, as a response, whole or event by event
"""
