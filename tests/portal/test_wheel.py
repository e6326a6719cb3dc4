"""The wheel holds the built pages, so that an installed gateway needs no Node."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_WHEEL = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "tollkeeper/node")
"""Where the scripts unpack the Node that builds the pages: scripts/node.sh."""


@pytest.mark.process
def test_the_wheel_holds_the_pages_and_the_sources_stay_as_they_were(tmp_path):
    before = set((ROOT / "web").iterdir())
    environment = os.environ | {"PYTHONPATH": str(NODE_WHEEL)}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        pages = [name for name in wheel.namelist() if name.startswith("tollkeeper/portal/assets/")]
        index = wheel.read("tollkeeper/portal/assets/index.html").decode()
    assert 'nonce="__NONCE__"' in index
    assert "<script>" not in index
    assert any(name.endswith(".js") for name in pages)
    assert len(pages) == len(set(pages))
    assert set((ROOT / "web").iterdir()) == before
