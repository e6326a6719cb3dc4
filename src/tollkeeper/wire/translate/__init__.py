"""Translation between dialects: pure, whole and event by event; nothing is gathered.

conversation.py  a request, independent of dialects
output.py        a response, independent of dialects
adapter.py       joins a client's dialect and an upstream's format to an adapter
losses.py        what becomes of each field of a request
chat/            OpenAI's chat completions
messages/        Anthropic's Messages
responses/       OpenAI's Responses
ollama/          Ollama's own API
"""
