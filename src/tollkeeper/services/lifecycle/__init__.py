"""The life of models on upstreams whose models are ours to change: from the pull to the deletion.

lifecycle.py   what admins do with models that are there: load, unload, copy, delete, pin
jobs.py        pulls as jobs, which go on without their viewers, and after a restart
pulling.py     a pull at one upstream, with its retries
following.py   viewers of jobs
keeping.py     keeping pinned models in memory
eviction.py    models that nobody has used for long
inventory.py   every model on every upstream, with all that is known of it
commands.py    the commands that change an upstream's models, for each API that has them
"""
