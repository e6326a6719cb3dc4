"""The tasks beside text of OpenAI's API: moderation, speech, transcription, images, and reranking as Jina, Cohere and
vLLM have it. They pass as they are to upstreams that serve them, and are metered by what they report.

dialect.py       the record of its functions
request.py       endpoints; reading and checking a request, JSON or a form
external.py      fields that bring input from elsewhere
rewrite.py       changes to a request before it is sent upstream
usage.py         reports of usage in tokens, seconds and images
response.py      a whole response
transcript.py    transcripts in the requested format
stream.py        a streamed response: events, or bytes of audio
schemas.py       schemas for the API's document
"""
