"""Pure formats: bytes in, values out. No event loop, no clock, no sockets.

dialect.py       the record of functions by which the gateway uses an API dialect
request.py       a model request, independent of dialects
usage.py         usage as an upstream reports it
fields.py        fields that mean the same in every dialect
openai/          the OpenAI dialect
anthropic/       the Messages dialect
responses/       the Responses dialect
ollama/          Ollama's own dialect
tasks/           moderation, audio, images and reranking
translate/       translations between dialects
dialects.py      the list of dialects, with the translations joined to them
error_text.py    the message in an upstream's error
response_ids.py  the gateway's ids in place of the upstream's
response_names.py  the canonical name of a model in place of the upstream's
event_template.py  events that need not be parsed
sse.py           server-sent events
ndjson.py        newline-delimited JSON
strict_json.py   JSON that all parsers read alike, and edits of it
json_slices.py   large JSON, read in slices in a thread
json_scan.py     large JSON, read in steps on the event loop
credentials.py   API keys in headers and paths
end_users.py     what apps call the people whom they ask for
csv_cells.py     cells of CSV, safe in spreadsheets
http/            content codings, hosts, cookies and origins
invoices/        invoices as HTML and CSV
images/          images by their bytes, and `data:` URLs
"""
