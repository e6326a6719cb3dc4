"""A real Ollama on a free loopback port, with a home of its own and the models of the table below.

    with running_ollama(folder) as ollama:
        ollama.ask("/api/tags").json()

By hand, until Ctrl-C: `python -m tests.ollama.rig`. `scripts/test` puts the binary and the talking model in place.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.ollama.tiny_models import write_all, write_twin

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollkeeper"
TALKING_MODEL = CACHE / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
TOOLS_TEMPLATE = Path(__file__).with_name("Modelfile.tools")

# A tiny model is quickest on one thread: four run side by side, and handing work around would cost more than the work.
TINY_PARAMETERS = "PARAMETER num_thread 1\n"
MODELFILES = {
    "tiny": "FROM ./tiny.gguf\n" + TINY_PARAMETERS,
    "tiny-loop": "FROM ./tiny-loop.gguf\n" + TINY_PARAMETERS,
    "tiny-vision": "FROM ./tiny-vision.gguf\nFROM ./mmproj-64.gguf\n" + TINY_PARAMETERS,
    "llama3.2:1b": "FROM ./talking.gguf\n" + TOOLS_TEMPLATE.read_text(),
    "moondream": "FROM ./talking-twin.gguf\nFROM ./mmproj-576.gguf\n",
}
SETTINGS = {
    # The kernel picks the port, so two runs never race for one.
    "OLLAMA_HOST": "127.0.0.1:0",
    "OLLAMA_NUM_PARALLEL": "4",
    "OLLAMA_MAX_LOADED_MODELS": "8",
    "OLLAMA_CONTEXT_LENGTH": "2048",
    "OLLAMA_NO_CLOUD": "1",
}
LISTENING = re.compile(r"Listening on (127\.0\.0\.1):(\d+)")
START_SECONDS = STOP_SECONDS = 60.0


class RigError(Exception):
    """The rig cannot run here; the message says what is missing or what Ollama's log said last."""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def events(self) -> list[Any]:
        """What a stream sent: the data of each server-sent event, or each line of a native one. `[DONE]` stays text."""
        lines = (line.removeprefix("data: ") for line in self.body.decode().splitlines() if line)
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


class Ollama:
    """A running server. `port` is on 127.0.0.1; `url` has no slash at its end; `log_file` grows while it runs;
    `models` is the folder of its models."""

    def __init__(self, process: subprocess.Popen[Any], port: int, log_file: Path, models: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = log_file
        self.models = models

    def __repr__(self) -> str:
        return f"Ollama({self.url})"

    def ask(self, path: str, body: object = None, *, method: str | None = None, seconds: float = 120) -> Answer:
        """Ask it directly and wait for the whole answer. `body` is sent as JSON, by POST unless `method` says else."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method or ("GET" if body is None else "POST"), path, content)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def ended(self, path: str) -> int:
        """How many requests to `path` it is done with: answered, failed, or given up because the client left."""
        return self._log().count(f' "{path}"\n')

    def loads(self) -> int:
        """How many times it has loaded a model."""
        return self._log().count("llama runner started")

    def kill(self) -> None:
        """SIGKILL, now. Its runners are processes of their own, in the session that began with it."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self, lines: int = 40) -> str:
        """The last lines of its log."""
        return "\n".join(self._log().splitlines()[-lines:])

    def _log(self) -> str:
        return self.log_file.read_text(errors="replace")


def find_binary() -> str:
    """The one that scripts/test built, else the one on the PATH. Raises RigError."""
    built = CACHE / "bin" / "ollama"
    found = str(built) if built.is_file() else shutil.which("ollama")
    if found is None:
        raise RigError("there is no Ollama here: scripts/test builds it")
    return found


@contextmanager
def running_ollama(folder: Path) -> Iterator[Ollama]:
    """Ollama with all its files in `folder`, every model made, none loaded yet. Raises RigError."""
    with serving(folder, folder / "models") as ollama:
        _create_models(ollama, folder / "files")
        yield ollama


@contextmanager
def serving(folder: Path, models: Path, **settings: str) -> Iterator[Ollama]:
    """Ollama with its log and home in `folder`, and the models of another one, if there are some. `settings` replace
    those of the table. Raises RigError."""
    log_file = folder / "ollama.log"
    environment = {
        **SETTINGS, "HOME": str(folder), "OLLAMA_MODELS": str(models), "OLLAMA_NOPRUNE": "1", "PATH": os.defpath,
        **settings,
    }  # fmt: skip
    # Should this process be killed, the kernel ends the server too.
    bound = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*bound, find_binary(), "serve"], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        yield Ollama(process, _port(process, log_file), log_file, models)
    finally:
        _stop(process)


def _port(process: subprocess.Popen[bytes], log_file: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := LISTENING.search(log_file.read_text(errors="replace")):
            return int(found[2])
        time.sleep(0.02)
    raise RigError(f"Ollama did not start:\n{log_file.read_text(errors='replace')}")


def _create_models(ollama: Ollama, files: Path) -> None:
    if not TALKING_MODEL.is_file():
        raise RigError(f"there is no {TALKING_MODEL}: scripts/test fetches it")
    write_all(files)
    (files / "talking.gguf").symlink_to(TALKING_MODEL)
    # Two models on one file would push each other out of memory.
    write_twin(TALKING_MODEL, files / "talking-twin.gguf")
    environment = {"HOME": str(files), "OLLAMA_HOST": ollama.url, "PATH": os.defpath}
    command = find_binary()
    for name, modelfile in MODELFILES.items():
        (files / "Modelfile").write_text(modelfile)
        made = subprocess.run(
            [command, "create", name, "-f", "Modelfile"], cwd=files, env=environment, capture_output=True, check=False
        )
        if made.returncode != 0:
            raise RigError(f"model {name} cannot be made: {made.stderr.decode(errors='replace')}")
    shutil.rmtree(files)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # Its runners are processes of their own, in the session that began with it.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> None:
    # Whoever stops it by a plain kill gets the same clean end as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="ollama-rig-") as folder,
        running_ollama(Path(folder)) as ollama,
    ):
        print(ollama.url, flush=True)
        print(f"models: {', '.join(MODELFILES)}; log: {ollama.log_file}; Ctrl-C ends it", file=sys.stderr)
        signal.pause()


if __name__ == "__main__":
    main()
