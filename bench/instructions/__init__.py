"""Instructions that a request and an event of a stream take: counted by callgrind, so the same on a busy machine.

python -m bench.instructions [--write] [--must-compare]

__main__.py ── prints the counts beside those of bench/instructions.toml (table.py)
   └─ count.py ── the script of requests
        ├─ conversation.py    client and upstream, outside of valgrind, in step with each other
        ├─ gateway.py         the gateway, inside of valgrind, and its remote control
        │    └─ steps.py      which functions make up which step; marks at their begin and end
        ├─ callgrind.py       writes counters into files, inside; reads the files, outside
        └─ attribution.py     which step took what, from the counters at each mark
"""
