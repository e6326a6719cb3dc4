"""HTTP formats.

address.py         the address of an upstream, and heads of requests to it
headers.py         names and values of headers that may be sent
proxies.py         proxies, as the environment names them
retry_after.py     how long an upstream asks to wait
hosts.py           hosts and networks
origins.py         origins of web pages
cookies.py         the cookie of a session
accept_encoding.py the codings in which a client takes a response
chunks.py          chunks of content
content_coding.py  content codings of request bodies
multipart.py       forms with files
idempotency.py     idempotency keys, and fingerprints of requests
"""
