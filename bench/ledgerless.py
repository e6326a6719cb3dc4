"""`tollkeeper serve` with its ledger off: what the ledger costs is what this one does not spend.

    python -m bench.ledgerless serve --port 0 --ollama http://127.0.0.1:9

Off: SQLite and the thread that writes, intents on disk, the hash chain, sums by hour and minute, and waiting for a
commit (an answer's end waits one turn of the event loop). On: all else, so keys, limits, counters, prices, metrics, and
the record itself, which the store in memory keeps in a dict until the process ends. No product: what it recorded is
gone with it.
"""

from __future__ import annotations

from pathlib import Path

from tollkeeper.app import handover
from tollkeeper.cli.main import run
from tollkeeper.store.memory import MemoryStore


async def _open_store(_path: Path, **_: object) -> MemoryStore:
    return MemoryStore()


if __name__ == "__main__":
    vars(handover)["open_store"] = _open_store  # in place of SQLite's
    run()
