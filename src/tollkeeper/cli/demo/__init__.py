"""`tollkeeper demo`: the whole gateway with real responses, on a machine where nothing is set up.

command.py    the command
backends.py   the upstreams: Ollama, or else the embedded engine
ollama.py     detection of an Ollama with the demo's models
stand_ins.py  small models that stand in for the demo's, and their files
engine/       the embedded engine: a process for each model
projector.py  a random vision projector
gguf.py       writer of GGUF files
samples.py    sample users, prices and aliases
prepare.py    adding the sample data to a running gateway
texts.py      the text that the demo prints when it is ready
"""
