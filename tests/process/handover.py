"""What systemd does for a unit with a socket, in a few lines: the socket is held here, and one `tollkeeper serve` after
the other works on it.

    with Supervisor(folder, upstream.url) as supervisor:
        supervisor.start()
        supervisor.restart()        # SIGTERM to the one, and the next is started at once
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx

from tests.process.served import ADMIN, PATIENCE

COMMAND = Path(sys.executable).with_name("tollkeeper")
_HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


class Supervisor:
    """`states` holds what the processes notified, in their order."""

    def __init__(self, folder: Path, ollama_url: str, host: str = "127.0.0.1", **settings: object) -> None:
        self.folder = folder
        self.socket = socket.create_server((host, 0), backlog=4096)
        self.port = int(self.socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "gateway.log"
        self.states: list[str] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(str(folder / "notify"))
        self._notified.settimeout(PATIENCE)
        self._environment = {
            "PATH": os.defpath,
            "ADMIN_API_KEY": ADMIN,
            "OLLAMA_BASE_URL": ollama_url,
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": str(folder / "notify"),
            **{f"TOLLKEEPER_{name.upper()}": str(value) for name, value in settings.items()},
        }

    @property
    def database(self) -> Path:
        return self.folder / "tollkeeper.db"

    def begin(self) -> subprocess.Popen[bytes]:
        """Start one, and do not wait for it."""
        with self.log.open("ab") as log:
            number = self.socket.fileno()
            process = subprocess.Popen(
                [sys.executable, "-S", "-c", _HAND_OVER, str(number), COMMAND, "serve"], cwd=self.folder,
                env=self._environment, pass_fds=[number], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def until(self, state: str) -> None:
        """Wait until one notifies of this."""
        while True:
            self.states.append(self._notified.recv(4096).decode())
            if self.states[-1].startswith(state):
                return

    def start(self) -> None:
        self.begin()
        self.until("READY=1")

    def restart(self) -> None:
        """Until the new one is ready; the old one has ended then."""
        old = self.processes[-1]
        old.send_signal(signal.SIGTERM)
        self.start()
        assert old.wait(PATIENCE) == 0, self.log.read_text()

    def new_user(self, user_id: str) -> str:
        """Their key."""
        return str(self._admin("POST", "/admin/users", {"user_id": user_id})["api_key"])

    def without_slots(self) -> None:
        """Nobody waits in line: those who do are told to come again when a process stops."""
        self._admin("PATCH", "/admin/upstreams/default", {"slots": 0})

    def _admin(self, method: str, path: str, body: dict[str, object]) -> Any:
        headers = {"authorization": f"Bearer {ADMIN}"}
        answer = httpx.request(method, self.url + path, headers=headers, json=body, timeout=PATIENCE)
        return answer.raise_for_status().json()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self._notified.close()
        for process in self.processes:
            process.kill()
            process.wait()
