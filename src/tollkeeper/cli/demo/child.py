"""The process that one stand-in model runs in: llama.cpp's server, until its parent closes our standard input.

Started as `python -m tollkeeper.cli.demo.child <Job as JSON>`. Once the model answers it writes its address as one line
to standard output. All of llama.cpp's own words go to standard error, the parent's log file.
"""

from __future__ import annotations

import os
import sys

from msgspec import json
from xllamacpp import CommonParams, Server

from tollkeeper.cli.demo.job import Job

CONTEXT_TOKENS = 8192
SLOTS = 4
THREADS = 1
"""So small a model gains little from a second one, and on a busy machine threads that wait for each other lose 90%."""


def parameters(job: Job) -> CommonParams:
    """llama.cpp's settings for this model. `CONTEXT_TOKENS` is shared by `SLOTS` requests at once."""
    params = CommonParams()
    params.model.path = job.weights
    if job.projector is not None:
        params.mmproj.path = job.projector
    params.model_alias = {job.model}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = THREADS
    params.fit_params = False
    # No page of a browser may read the engine past the gateway, and nobody may read another's prompt there.
    params.cors_origins = ""
    params.endpoint_slots = False
    params.ui = False
    # What is kept of old prompts; llama.cpp's default is 8 GB.
    params.cache_ram_mib = 0
    return params


def main() -> None:
    job = json.decode(sys.argv[1], type=Job)
    # llama.cpp may write to standard output as well, which is where the parent reads the address.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = Server(parameters(job))
    os.write(answer, f"{server.listening_address}\n".encode())
    os.close(answer)
    # The end of our input means that the parent wants us gone, or is gone itself however it died.
    sys.stdin.buffer.read()
    # Not through the server's destructor, which would first finish the answers under way.
    os._exit(0)


if __name__ == "__main__":
    main()
