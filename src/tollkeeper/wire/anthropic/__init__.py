"""The Messages dialect, as Anthropic and Ollama implement it.

dialect.py       the record of its functions
request.py       endpoints; reading and checking a request
kinds.py         what a kind of upstream does not support in a request, and what it charges for
conversation.py  the conversation that a request belongs to
unbounded.py     fields that no budget can bound
rewrite.py       changes to a request before it is sent upstream
response.py      a whole response
stream.py        a streamed response, event by event
usage.py         reports of usage, and what a stream's later ones overrule
errors.py        reading an upstream's errors, writing the gateway's
headers.py       headers of responses, and of requests upstream
schemas.py       schemas for the API's document
"""
