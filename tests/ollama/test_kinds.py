"""A llama.cpp beside a real Ollama, behind one name: who asks for it is served while either lives."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

from tests.gateway.conftest import TEST
from tests.ollama.load import Load
from tests.ollama.pool import client_of, gateway_of, machines, upstream
from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import write_all
from tests.services.upstreams.http.helpers import until
from tollkeeper.cli.demo.engine.model import EngineModel
from tollkeeper.cli.demo.engine.process import run_engine
from tollkeeper.rules.kinds import OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig


async def test_a_list_of_models_goes_on_when_the_first_ones_llama_cpp_is_killed(ollama: Ollama, tmp_path: Path):
    write_all(tmp_path / "files")
    async with (
        machines(tmp_path, ollama.models, "a", "tiny-loop") as (machine,),
        run_engine(EngineModel("embedded", str(tmp_path / "files/tiny-loop.gguf"), None), tmp_path / "log") as (
            address,
            pid,
        ),
        gateway_of(
            tmp_path,
            [
                UpstreamConfig("llama-cpp", OPENAI_COMPATIBLE, address, paid=False, slots=4),
                upstream(machine, slots=4),
            ],
        ) as gateway,
        client_of(gateway) as client,
    ):
        await gateway.context.aliases.replace({"either": ["embedded", "tiny-loop"]}, TEST)
        async with Load(client, "either", workers=6) as load:
            await until(lambda: load.done > 40)
            assert machine.window.count("began") == 0
            os.kill(pid, signal.SIGKILL)
            await until(lambda: load.done > 100)
        records = await gateway.records()
    failed = [record for record in records if record.status != "completed"]
    assert len(load.broken) == len(failed) <= 4
    assert all(record.stream and record.upstream == "llama-cpp" for record in failed)
    served = Counter((record.upstream, record.model, record.requested_model) for record in records)
    assert set(served) == {("llama-cpp", "embedded", "either"), ("a", "tiny-loop:latest", "either")}
    assert min(served.values()) >= 40
