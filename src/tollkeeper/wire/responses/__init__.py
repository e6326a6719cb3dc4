"""The Responses dialect without stored state, as OpenAI and Ollama implement it.

dialect.py       the record of its functions
request.py       the endpoint; reading and checking a request
fields.py        names of the known fields of requests
tools.py         tools that the upstream would run itself, and what they reach
kinds.py         what a kind of upstream does not support in a request
unbounded.py     fields that no budget can bound
conversation.py  the conversation that a request belongs to
rewrite.py       changes to a request before it is sent upstream
response.py      a whole response, and the object that streams begin and end with
stream.py        a streamed response, event by event
errors.py        events of failures
schemas.py       schemas for the API's document
"""
