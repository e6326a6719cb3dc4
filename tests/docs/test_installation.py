"""The installation of docs/operating.md: its commands run, in folders of the test; systemd finds its units right."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.tables import ROOT, blocks, text
from tollkeeper import __version__
from tollkeeper.app.handover import HANDOVER_MARGIN
from tollkeeper.config import load_settings

UV = f"{os.environ['PATH']}:{Path(os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache'), 'tollkeeper/uv/bin')}"
"""Where there is `uv`, that of the scripts included."""
SHOWN: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
UNITS = ["tollkeeper.socket", "tollkeeper.service"]


def block(label: str) -> str:
    (found,) = blocks("docs/operating.md", re.escape(label))
    return found


def in_place(script: str, root: Path) -> str:
    """The same commands, on folders below `root`."""
    return re.sub(r"(?<![\w./:])/(?=opt/|etc/|var/)", f"{root}/", script)


@pytest.mark.process
@pytest.mark.long
def test_the_commands_install_it(tmp_path: Path) -> None:
    """`useradd` is one that only notes its call: the test changes no users of this machine."""
    shims, sources = tmp_path / "shims", tmp_path / "sources"
    for folder in (shims, sources / "dist", tmp_path / "opt", tmp_path / "etc", tmp_path / "var/lib"):
        folder.mkdir(parents=True)
    (shims / "useradd").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/useradd\n')
    (shims / "useradd").chmod(0o755)
    shutil.copytree(ROOT / "requirements", sources / "requirements")
    build = f"{block('sh build').strip()} --out-dir {sources}/dist"
    subprocess.run(["bash", "-c", build], cwd=ROOT, env=os.environ | {"PATH": UV}, check=True, capture_output=True)
    environment = {"PATH": f"{shims}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(tmp_path), "PIP_CACHE_DIR": os.devnull}
    script = "set -eu\numask 022\n" + in_place(block("sh install"), tmp_path)
    done = subprocess.run(["bash", "-c", script], cwd=sources, env=environment, **SHOWN)  # noqa: PLW1510
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"tollkeeper {__version__}" in done.stdout
    assert (tmp_path / "useradd").read_text().split()[-1] == "tollkeeper"
    file = tmp_path / "etc/tollkeeper/tollkeeper.env"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    given = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert re.fullmatch("sk-admin-[0-9a-f]{48}", given["ADMIN_API_KEY"])
    assert given["ADMIN_API_KEY"] not in done.stdout + done.stderr
    # What is installed runs, and of what stands there nothing else is wrong.
    (tmp_path / "var/lib/tollkeeper").mkdir()
    program = tmp_path / "opt/tollkeeper/bin/tollkeeper"
    given["TOLLKEEPER_DATABASE_PATH"] = "/"
    place = tmp_path / "var/lib/tollkeeper"
    wrong = subprocess.run([program, "serve"], cwd=place, env=given, **SHOWN)  # noqa: PLW1510
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "(TOLLKEEPER_DATABASE_PATH)" in wrong.stderr


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units as files, with a program that is there."""
    found = [tmp_path / name for name in UNITS]
    for file in found:
        program = str(Path(sys.executable).with_name("tollkeeper"))
        file.write_text(block(f"ini {file.name}").replace("/opt/tollkeeper/bin/tollkeeper", program))
    return found


@pytest.mark.process
def test_systemd_finds_the_units_right(units: list[Path]) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], **SHOWN)  # noqa: PLW1510
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "tollkeeper" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.process
def test_the_service_may_do_little(units: list[Path]) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(units[1])]
    done = subprocess.run(command, **SHOWN)  # noqa: PLW1510
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_stop_has_the_time_it_may_take() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)s$", block("ini tollkeeper.service"), re.MULTILINE)
    assert int(seconds) >= load_settings().shutdown_timeout + HANDOVER_MARGIN


def test_units_and_proxies_agree_on_the_port() -> None:
    assert "ListenStream=127.0.0.1:8000" in block("ini tollkeeper.socket")
    for name in ("nginx", "haproxy", "caddy"):
        assert "127.0.0.1:8000" in block(name)


def test_the_files_of_units_are_named() -> None:
    for name in UNITS:
        assert f"`/etc/systemd/system/{name}`" in text("docs/operating.md")
