"""The OpenAI dialect, as OpenAI, Ollama, llama.cpp, vLLM and OpenRouter implement it.

dialect.py       the record of its functions
request.py       endpoints; reading and checking a request
fields.py        names of the known fields of requests
kinds.py         what a kind of upstream does not support in a request
stored.py        fields that reach what the upstream's account has stored
conversation.py  the conversation that a request belongs to
unbounded.py     fields that no budget can bound
rewrite.py       changes to a request before it is sent upstream
response.py      a whole response
required.py      fields that a whole chat answer must have, where the upstream leaves them out
stream.py        a streamed response, event by event
chunks.py        the fields that the gateway reads from responses, in any shape
usage.py         reports of usage, and their sum
embeddings.py    embeddings in the requested encoding
errors.py        reading an upstream's errors, writing the gateway's
headers.py       headers of responses
models.py        the list of models
schemas.py       schemas for the API's document
"""
