"""Ollama's own dialect (`/api/…`): Ollama's `docs/api.md` and `api/types.go`, as of 0.11.4.

dialect.py   the record of its functions
request.py   endpoints; reading and checking a request
options.py   `options`: those that reach an upstream, and those that concern its machine
empty.py     responses to requests without a prompt, which only load or unload a model
kinds.py     what a kind of upstream does not support, and what no budget can bound
rewrite.py   changes to a request before it is sent upstream
response.py  a whole response
stream.py    a streamed response, line by line
errors.py    reading an upstream's errors, writing the gateway's
models.py    lists and descriptions of models
schemas.py   schemas for the API's document
"""
