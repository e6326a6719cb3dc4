"""One that keeps its records in an SQLite database, where they can be counted."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.contenders.contender import Running
from bench.processes import BenchError, Program

SETTLE_SECONDS = 3.0
LATE_SECONDS = 30.0
"""Peers answer before they record: what is not there after so long is taken as lost."""


class Recording(Running):
    """`completed` is the query for how many completed requests the database holds."""

    def __init__(
        self, name: str, program: Program, keys: Sequence[str], database: Path, completed: str, prefix: str = ""
    ) -> None:
        super().__init__(name, program, keys, prefix)
        self._database = database
        self._query = completed
        self._before = self._completed()

    def less_records(self) -> int:
        time.sleep(SETTLE_SECONDS)
        until = time.monotonic() + LATE_SECONDS
        while (less := self.answered + self._before - self._completed()) > 0 and time.monotonic() < until:
            time.sleep(1)
        return less

    def _completed(self) -> int:
        with closing(sqlite3.connect(self._database)) as connection:
            return int(connection.execute(self._query).fetchone()[0])


def post(name: str, port: int, path: str, body: Mapping[str, object]) -> Any:
    """What the peer of this name answers to a JSON body: where it is set up by its own API. Raises BenchError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise BenchError(f"{name}: {path}: {response.status} {text.decode(errors='replace')}")
    return json.loads(text)
