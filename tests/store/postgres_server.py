"""A real PostgreSQL server for a run of tests: in a folder of its own, reached by a Unix socket, gone with the run.

Its databases sort texts as a language does, as most installations have it, so that a test notices where the store
relies on the server's order.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tollkeeper.store.postgres.connections import open_engine
from tollkeeper.store.postgres.revision import bring_to_head
from tollkeeper.store.postgres.schema import METADATA
from tollkeeper.store.sql.schema import METADATA as OF_ALL_ENGINES

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
_UNPRIVILEGED = "postgres"
"""The server refuses to run as root."""
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "autovacuum": "off",
}


class PostgresServer:
    """Databases on a server that it starts. `stop` and `start` take it away and bring it back."""

    def __init__(self) -> None:
        if not _PROGRAMS:
            pytest.skip("PostgreSQL is not installed")
        self._programs = _PROGRAMS[-1]
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="tollkeeper-postgres-", dir=memory))
        self._numbers = count(1)
        self._server: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            shutil.chown(self._folder, _UNPRIVILEGED, _UNPRIVILEGED)
        how = ("-U", "tollkeeper", "-A", "trust", "-E", "UTF8", "--locale-provider=icu", "--icu-locale=en-US")
        self._run("initdb", "-D", str(self._folder / "data"), "--no-sync", "--locale=C.UTF-8", *how)
        self.start()
        self._shared = self.new_database()
        self._clean = self._cleaning()

    def start(self) -> None:
        settings = [part for name, value in _FAST.items() for part in ("-c", f"{name}={value}")]
        place = ("-D", str(self._folder / "data"), "-k", str(self._folder))
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(self._command("postgres", *place, *settings), stdout=log, stderr=log)
        for _ in range(600):
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if self._server.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self._folder / "log").read_text())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: by SIGINT at once, as it is meant to be; by SIGQUIT as a crash."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(60)
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        return f"postgresql://tollkeeper@/{database}?host={self._folder}"

    def clean_database(self) -> str:
        """The URL of a database with the tables of this version, and nothing in them; always the same one."""
        with psycopg.connect(self._shared, autocommit=True) as connection:
            connection.execute(self._clean)
        return self._shared

    def new_database(self, *, empty: bool = False) -> str:
        """The URL of a new database, with the tables of this version unless it is to be empty."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        if not empty:
            engine = open_engine(self.url(name))
            bring_to_head(engine)
            engine.dispose()
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database that `new_database` made."""
        name = urlsplit(url).path.removeprefix("/")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _cleaning(self) -> str:
        """Statements that leave a database as it was made. (They take a tenth of the time of a new one.)"""
        tables = [table.name for each in (OF_ALL_ENGINES, METADATA) for table in each.sorted_tables]
        head = "INSERT INTO head (id, seq, hash, minutes_from, rolled_up) VALUES (1, 0, '', 0, 0)"
        numbers = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
        return "; ".join([*(f"DELETE FROM {name}" for name in tables), head, numbers])

    def _command(self, program: str, *arguments: str) -> list[str]:
        # A run that is killed takes its server along.
        as_whom = ["--reuid", _UNPRIVILEGED, "--regid", _UNPRIVILEGED, "--clear-groups"] if os.getuid() == 0 else []
        return ["setpriv", "--pdeathsig", "INT", *as_whom, str(self._programs / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
