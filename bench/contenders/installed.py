"""Where peers are installed, and how: by the ordinary clients of their registries, below the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from bench.contenders.pins import PINS
from bench.processes import BenchError

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tollkeeper"
PEERS = CACHE / "peers"
DONE = ".installed"


def folder(name: str) -> Path:
    """Where the pinned version of a peer belongs."""
    return PEERS / f"{name}-{PINS[name].version}"


def is_installed(name: str) -> bool:
    return (folder(name) / DONE).exists()


def python_package(name: str) -> None:
    """Into an environment of its own, with the Python that the bench has."""
    home, pin = folder(name), PINS[name]
    if _begin(name):
        _run(["uv", "venv", "--quiet", "--python", sys.executable, str(home)])
        _run(["uv", "pip", "install", "--quiet", "--python", str(home / "bin/python"), f"{pin.package}=={pin.version}"])
        _end(name)


def python_version(name: str) -> str:
    """The version of what is there."""
    wanted = PINS[name].package.partition("[")[0]
    places = [str(place) for place in folder(name).glob("lib/python*/site-packages")]
    return next(found.version for found in distributions(path=places, name=wanted))


def node_package(name: str) -> None:
    home, pin = folder(name), PINS[name]
    if _begin(name):
        flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", f"--cache={CACHE / 'npm'}"]
        wanted = {"private": True, "dependencies": {pin.package: pin.version}, "overrides": {**pin.beside}}
        (home / "package.json").write_text(json.dumps(wanted))
        _run(["npm", "install", *flags, f"--prefix={home}"])
        _end(name)


def crate(name: str, *flags: str) -> None:
    home, pin = folder(name), PINS[name]
    if _begin(name):
        _run(["cargo", "install", "--quiet", "--locked", *flags, "--root", str(home), f"{pin.package}@{pin.version}"])
        _end(name)


def go_program(name: str, main: str, *beside: str) -> None:
    """A program of that `main`, which imports the pinned module, and others `beside` it with their versions."""
    home, pin = folder(name), PINS[name]
    if _begin(name):
        (home / "main.go").write_text(main)
        (home / "go.mod").write_text(f"module bench/{name}\n")
        _run(["go", "get", f"{pin.package}@{pin.version}", *beside], within=home)
        _run(["go", "build", "-mod=mod", "-o", f"bin/{name}", "."], within=home)
        _end(name)


def debian_binary(name: str, path: str) -> None:
    """The binary of a Debian package, without installing the package: that would start a service."""
    home = folder(name)
    if _begin(name):
        _run(["apt-get", "download", "--quiet", PINS[name].package], within=home)
        [package] = home.glob("*.deb")
        _run(["dpkg", "--extract", str(package), str(home)])
        if not (home / path).exists():
            raise BenchError(f"there is no {path} in {package.name}")
        _end(name)


def _begin(name: str) -> bool:
    """Whether there is something to do; what was half done is away then."""
    if is_installed(name):
        return False
    print(f"» installing {PINS[name].package} {PINS[name].version}".rstrip(), file=sys.stderr, flush=True)
    shutil.rmtree(folder(name), ignore_errors=True)
    folder(name).mkdir(parents=True)
    return True


def _end(name: str) -> None:
    (folder(name) / DONE).touch()


def _run(arguments: Sequence[str], *, within: Path | None = None) -> None:
    try:
        done = subprocess.run(arguments, cwd=within, capture_output=True, check=False)
    except FileNotFoundError:
        raise BenchError(f"{arguments[0]} is needed to install a peer, and is not here") from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")
        raise BenchError(f"a peer cannot be installed: {' '.join(arguments)}:\n{said[-2000:]}")
