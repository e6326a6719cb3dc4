"""The process of one model: llama.cpp's server, which runs until the parent process closes our standard input.

Started as `python -m tollkeeper.cli.demo.engine.child <EngineModel as JSON>`. Once the model is ready, it writes the
address to connect to as one line to standard output. The output of llama.cpp goes to standard error, which is the
parent's log file.
"""

from __future__ import annotations

import asyncio
import os
import sys

from msgspec import json

from tollkeeper.cli.demo.engine.chat_template import CHAT_TEMPLATE
from tollkeeper.cli.demo.engine.front import front_of
from tollkeeper.cli.demo.engine.model import EngineModel

try:
    from xllamacpp import CommonParams, Server
except ImportError as error:
    # Its wheel depends on a system library that a minimal Debian does not have.
    sys.exit(f"The embedded engine cannot be loaded ({error}). On Debian: apt-get install libgomp1")

CONTEXT_TOKENS = 8192
SLOTS = 4
THREADS = 1
"""With so small a model a second thread gains little, and on a busy machine threads that wait for others lose 90%."""


def parameters(model: EngineModel) -> CommonParams:
    """llama.cpp's settings for a model. Its `SLOTS` concurrent requests share `CONTEXT_TOKENS`."""
    params = CommonParams()
    params.model.path = model.weights
    if model.projector is not None:
        params.mmproj.path = model.projector
    if model.seed is not None:
        params.sampling.seed = model.seed
    params.model_alias = {model.name}
    params.chat_template = CHAT_TEMPLATE
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.cpuparams.n_threads = THREADS
    params.fit_params = False
    # Web pages must not read responses that bypass the gateway, and nobody may read the prompts of others.
    params.cors_origins = ""
    params.endpoint_slots = False
    params.ui = False
    # Cache of earlier prompts; llama.cpp's default is 8 GB.
    params.cache_ram_mib = 0
    return params


async def main() -> None:
    model = json.decode(sys.argv[1], type=EngineModel)
    # llama.cpp may also write to standard output, from which the parent reads the address.
    address_pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = Server(parameters(model))
    async with front_of(int(server.listening_address.rpartition(":")[2])) as address:
        os.write(address_pipe, f"{address}\n".encode())
        os.close(address_pipe)
        # End of file means that the parent wants us to stop, or has ended in any way.
        await asyncio.to_thread(sys.stdin.buffer.read)
        # Skips the server's destructor, which would first finish the responses in progress.
        os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
