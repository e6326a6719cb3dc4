"""What shared counters and a shared ledger would cost their stores: figures for bench/capacity.py.

    python -m bench.stores [counters] [ledger]

Counters: `valkey-server` or `redis-server` from PATH, on a socket of its own, with the functions of the gateway
(`store/valkey/lua/`) and three limits. Ledger: `postgres`, in a folder of its own, settled records by COPY in batches
of 1,000. CPU is that of the server's processes; the client's is not in it.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.owners import USER, Owner
from tollkeeper.rules.terms import terms_of
from tollkeeper.store.sql.schema import records
from tollkeeper.store.sql.sum_tables import hourly, hourly_models, monthly_users
from tollkeeper.store.valkey.library import LIBRARY
from tollkeeper.store.valkey.prepared import head_of, packed, prepare, user_place
from tollkeeper.store.valkey.protocol import bulk, command

TICK = os.sysconf("SC_CLK_TCK")
USERS = 50_000
PAIRS = 60_000
GROUPS = (64, 1, 8, 64)
"""To a pipeline; the first is not shown, since users are new then, and have nothing to forget."""
RECORDS, BATCH = 200_000, 1_000
LIMITS = NO_LIMITS.merged({"requests_per_second": 10**9, "tokens_per_day": 10**15, "cost_usd_total": 10**6})
"""Users come again after a second or more, so that all of the first window has left, as it will have where users ask
seldom."""
DEMAND = Demand(pace_input=150, budget_input=200, allowance=500, input_price=2_500_000, output_price=10_000_000)
EPOCH = b"bench"


class Valkey:
    """A connection that sends commands in groups, and reads as many answers."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def ask(self, commands: Sequence[bytes]) -> list[bytes]:
        self._socket.sendall(b"".join(commands))
        return [self._answer() for _ in commands]

    def _answer(self) -> bytes:
        line = self._lines.readline().rstrip()
        if line.startswith(b"-"):
            raise RuntimeError(line.decode())
        if line.startswith(b"$"):
            return self._lines.read(int(line[1:]) + 2)[:-2]
        if line.startswith(b"*"):
            return b" ".join(self._answer() for _ in range(int(line[1:])))
        return line[1:]


def cpu(pids: Sequence[int]) -> float:
    """Seconds of CPU that these processes used so far."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICK


@contextmanager
def running(arguments: Sequence[str], user: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def counters(folder: Path) -> None:
    server = shutil.which("valkey-server") or shutil.which("redis-server")
    if server is None:
        print("counters: neither valkey-server nor redis-server is on PATH")
        return
    path = folder / "valkey.sock"
    with running([server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)]) as process:
        while not path.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{server} did not start")
            time.sleep(0.01)
        store = Valkey(path)
        store.ask([command("FUNCTION", "LOAD", LIBRARY)])
        known = [command("HSET", f"{{u:{user}}}", "e", EPOCH.decode(), "a", 0) for user in range(USERS)]
        for start in range(0, USERS, BATCH):
            store.ask(known[start : start + BATCH])
        before = memory(store)
        for turn, group in enumerate(GROUPS):
            began = cpu([process.pid])
            for start in range(0, PAIRS, group):
                numbers = range(start, start + group)
                store.ask([admission(number % USERS, turn * PAIRS + number) for number in numbers])
                store.ask([settlement(number % USERS, turn * PAIRS + number) for number in numbers])
            each = (cpu([process.pid]) - began) * 1e6 / (2 * PAIRS)
            if turn:
                print(f"{f'a call, {group} to a pipeline':36}{each:6.1f} µs", flush=True)
        idle = memory(store)
        print(f"{'memory of a user with three limits':36}{(idle - before) / USERS:6.0f} bytes")
        for user in range(USERS):
            store.ask([admission(user, len(GROUPS) * PAIRS + user)])
        print(f"{'memory of a hold':36}{(memory(store) - idle) / USERS:6.0f} bytes", flush=True)


def admission(user: int, number: int) -> bytes:
    terms = terms_of((Owner(USER, str(user), LIMITS),), "model")
    prepared = prepare(terms, None, b"node")
    return prepared.head + b"".join(map(bulk, (EPOCH, b"", b"req-%020d" % number, packed(DEMAND)))) + prepared.tail


def settlement(user: int, number: int) -> bytes:
    at = b"%d" % (time.time() * 1000)
    words = (EPOCH, b"", b"req-%020d" % number, b"model", b"300", b"4000", b"0", at)
    return head_of("settle", user_place(str(user)), len(words)) + b"".join(map(bulk, words))


def memory(store: Valkey) -> int:
    return int(store.ask([command("INFO", "memory")])[0].split(b"used_memory:")[1].split()[0])


SUMS = ("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
        "cost_micro", "cost_rest")  # fmt: skip
SHIPPED = (hourly, hourly_models, monthly_users)
"""The sums that a batch adds to. Those by minute stay on the nodes: they are for counters at a start."""


def ledger(folder: Path) -> None:
    server = shutil.which("postgres")
    if server is None:
        print("ledger: postgres is not on PATH")
        return
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name  # it refuses to run as root
    shutil.chown(folder, user)
    data, path = folder / "data", f"host={folder} dbname=postgres user={user}"
    initdb = Path(server).resolve().parent / "initdb"
    subprocess.run([initdb, "-D", data, "-A", "trust", "-N"], check=True, stdout=subprocess.DEVNULL, user=user)
    options = ("listen_addresses=", f"unix_socket_directories={folder}", "shared_buffers=512MB", "max_wal_size=8GB")
    with running([server, "-D", str(data), *(word for option in options for word in ("-c", option))], user) as process:
        while psql(path, "SELECT 1", check=False) is None:
            if process.poll() is not None:
                raise RuntimeError(f"{server} did not start")
            time.sleep(0.05)
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        for table in (records, *SHIPPED):
            psql(path, str(CreateTable(table).compile(dialect=dialect)))
            for index in table.indexes:
                psql(path, str(CreateIndex(index).compile(dialect=dialect)))
        batches = list(shipments())
        began, wal, commits = tree_cpu(process.pid), psql(path, "SELECT pg_current_wal_lsn()"), len(batches)
        started = time.monotonic()
        psql(path, "".join(batches))
        seconds, used = time.monotonic() - started, tree_cpu(process.pid) - began
        wal_bytes = int(psql(path, f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{wal}')") or 0)
        count = int(psql(path, "SELECT count(*) FROM records") or 0)
        assert count == RECORDS
        size = int(psql(path, "SELECT pg_total_relation_size('records')") or 0)
        hours = int(psql(path, "SELECT pg_total_relation_size('hourly') / (SELECT count(*) FROM hourly)") or 0)
        print(f"{'a record, of batches of 1,000':36}{used * 1e6 / RECORDS:6.1f} µs")
        print(f"{'write-ahead log of a record':36}{wal_bytes / RECORDS:6.0f} bytes")
        print(f"{'a record and its indexes':36}{size / RECORDS:6.0f} bytes")
        print(f"{'a row by hour and its indexes':36}{hours:6.0f} bytes")
        print(f"{'one connection':36}{RECORDS / seconds:6,.0f} records/s, {commits / seconds:.0f} commits/s")


def shipments() -> Iterator[str]:
    """What ships each batch: exactly once, since sums are written of what was inserted."""
    columns = ", ".join(column.name for column in records.columns)
    yield f"CREATE TEMP TABLE batch ON COMMIT DELETE ROWS AS SELECT {columns} FROM records LIMIT 0;\n"
    steps = [f"WITH new AS (INSERT INTO records ({columns}) SELECT {columns} FROM batch ORDER BY request_id"]
    steps[0] += " ON CONFLICT DO NOTHING RETURNING *)"
    for table in SHIPPED:
        place = [column.name for column in table.primary_key.columns]
        # All of them in one order, so that batches of two nodes never wait for each other in a circle.
        added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in SUMS)
        steps.append(
            f"{table.name}_added AS (INSERT INTO {table.name} SELECT {', '.join(PLACES[name] for name in place)},"
            f" count(*), sum(prompt_tokens), 0, 0, sum(completion_tokens), 0, sum(cost_pico / 1000000),"
            f" sum(cost_pico % 1000000) FROM new GROUP BY {', '.join(PLACES[name] for name in place)} ORDER BY"
            f" {', '.join(PLACES[name] for name in place)} ON CONFLICT ({', '.join(place)}) DO UPDATE SET {added})"
        )
    ship = ", ".join(steps) + " SELECT 1 WHERE false;\n"
    for start in range(0, RECORDS, BATCH):
        rows = "\n".join(row(number) for number in range(start, start + BATCH))
        yield f"BEGIN;\nCOPY batch FROM stdin;\n{rows}\n\\.\n{ship}COMMIT;\n"


PLACES = {
    "hour": "created_at - created_at % 3600000",
    "month": "created_at - created_at % 2592000000",
    "user_id": "user_id",
    "model": "model",
    "key_id": "coalesce(key_id, '')",
    "status": "status",
}


def row(number: int) -> str:
    """A settled record, in the order of the table's columns."""
    user, at = number * 7919 % USERS, 1_790_000_000_000 + number
    return "\t".join(
        str(value)
        for value in (
            f"req_{at:012x}{number:020x}", at, at + 4000, f"user-{user:012}", f"key_{user:016}", f"model-{number % 20}",
            f"model-{number % 20}", "/v1/chat/completions", "default", "t", "completed", 400, 0, 0, 100, 0, "f",
            180_000_000, 7, 4000, 300, 0, "stop", "\\N", number, "\\\\x" + f"{number:064x}",
        )
    )  # fmt: skip


def psql(path: str, text: str, *, check: bool = True) -> str | None:
    """What it printed; None where it failed and may."""
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", path], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode and check:
        raise RuntimeError(done.stderr[-1000:])
    return None if done.returncode else done.stdout.strip()


def tree_cpu(pid: int) -> float:
    """Seconds of CPU of a process and its children, those that ended included."""
    ended = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[13:15]
    alive = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return cpu([pid, *alive]) + sum(map(int, ended)) / TICK


def main() -> None:
    parser = argparse.ArgumentParser("bench.stores", description="What shared counters and ledger cost their stores.")
    parser.add_argument("what", nargs="*", metavar="WHAT", help="counters, ledger; both by default")
    wanted = parser.parse_args().what or ["counters", "ledger"]
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        print(f"load {os.getloadavg()[0]:.1f}")
        if "counters" in wanted:
            counters(Path(name))
        if "ledger" in wanted:
            ledger(Path(name))


if __name__ == "__main__":
    main()
