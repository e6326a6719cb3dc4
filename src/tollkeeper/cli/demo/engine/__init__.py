"""The embedded engine: llama.cpp's server, a process for each model.

process.py        starting and stopping one
model.py          a model that it runs
child.py          the program of the process
chat_template.py  how conversations and tools become the text that the model reads
forced_calls.py   requests that force a call of a tool, as llama.cpp can keep to it
front.py          what clients connect to: it rewrites those requests, and passes everything else on
"""
