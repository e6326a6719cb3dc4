"""From what things cost to how many there must be: nodes, stores, network, and what breaks first.

    python -m bench.capacity [--requests-per-second N …] [--streamed 0.5] [--events 200] [--seconds 5] [--write]

Costs are in costs.toml, measured; what is assumed (the workload, the machines) is in `WORKLOAD` and `MACHINES` below.
`--write` puts the tables into docs/capacity.md, between the marks.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

BENCH = Path(__file__).parent
DOCUMENT = BENCH.parent / "docs/capacity.md"
SCALES = (10_000, 1_000_000, 10_000_000)
DAY = 86_400
ZIPF = 0.8
"""Requests of the n-th user go like n to the minus this: of ten million the first has 0.8 % of all."""
Costs = Mapping[str, Mapping[str, float]]


class Workload(NamedTuple):
    """What requests are like. `streamed` is a part of them; `seconds` is from dispatch to the end, streamed or not."""

    streamed: float = 0.5
    events: float = 200
    event_bytes: float = 250
    seconds: float = 5
    request_bytes: float = 4_000
    answer_bytes: float = 1_500
    output_tokens: float = 200
    users_per_request: float = 10
    """Users for each request a second: each asks every ten seconds, at work."""
    models_per_user: float = 2


class Machines(NamedTuple):
    """What one of each has. `busy` is the part of anything that is planned for."""

    busy: float = 0.6
    node_cores: int = 16
    node_gbit: float = 25
    files_per_process: int = 20_000
    ports_per_upstream: int = 28_232
    store_clients: int = 10_000
    ledger_clients: int = 500
    ledger_cores: int = 16
    log_mb_per_second: float = 500
    ledger_tb: float = 16
    days_kept: int = 30
    batches_per_second: float = 1
    gpu_tokens_per_second: float = 2_500


WORKLOAD = Workload()
MACHINES = Machines()


def read_costs() -> Costs:
    return tomllib.loads((BENCH / "costs.toml").read_text())


def first_users_part(users: float) -> float:
    """The part of all requests that come from the user with the most."""
    summed = int(min(users, 10_000))
    rest: float = (users ** (1 - ZIPF) - summed ** (1 - ZIPF)) / (1 - ZIPF)
    return 1 / (math.fsum(rank**-ZIPF for rank in range(1, summed + 1)) + rest)


class Plan:
    """All that follows for so many requests a second."""

    def __init__(self, rate: float, costs: Costs, work: Workload = WORKLOAD, machines: Machines = MACHINES) -> None:
        gateway, counters, ledger = costs["gateway"], costs["counters"], costs["ledger"]
        busy = machines.busy
        events = work.streamed * work.events
        self.request_us = gateway["request_us"] + gateway["limits_us"] + events * gateway["event_us"]
        self.relaying = events * gateway["event_us"] / self.request_us
        self.busy_cores = rate * self.request_us / 1e6
        self.busy_cores_unstreamed = rate * (gateway["request_us"] + gateway["limits_us"]) / 1e6
        self.nodes = math.ceil(self.busy_cores / (busy * machines.node_cores))
        self.processes = self.nodes * machines.node_cores
        self.events = rate * events
        self.open = rate * work.seconds  # Little's law
        self.open_per_process = self.open / self.processes
        self.memory_per_node_gb = (
            machines.node_cores * gateway["idle_mb"] / 1e3 + self.open / self.nodes * gateway["stream_kb"] / 1e6
        )
        answer = work.streamed * work.events * work.event_bytes + (1 - work.streamed) * work.answer_bytes
        # In one side and out of the other: the request and the answer each pass a node's wire twice, once each way.
        self.gbit = rate * (work.request_bytes + answer) * 8 / 1e9
        self.gbit_per_node = self.gbit / self.nodes
        self.sockets_per_process = 2 * self.open_per_process
        self.scripts = 2 * rate
        self.scripts_busy = self.scripts * counters["script_us"] / 1e6
        self.shards = math.ceil(self.scripts_busy / busy)
        self.scripts_of_process = self.scripts / self.processes / self.shards
        self.shards_grouped = math.ceil(self.scripts * counters["script_grouped_us"] / 1e6 / busy)
        self.users = rate * work.users_per_request
        self.counters_gb = (self.users * counters["user_bytes"] + self.open * counters["hold_bytes"]) / 1e9
        self.first_user = rate * first_users_part(self.users)
        self.first_user_busy = 2 * self.first_user * counters["script_us"] / 1e6
        self.renewals = self.open / RENEWED_EVERY
        self.renewals_by_node = self.nodes * self.shards / RENEWED_EVERY
        self.commits = self.nodes * machines.batches_per_second
        self.batch = rate / self.commits
        self.log_mb = rate * ledger["log_bytes"] / 1e6
        self.ledger_cores = rate * ledger["record_us"] / 1e6
        self.primaries = math.ceil(
            max(
                self.log_mb / (busy * machines.log_mb_per_second),
                self.ledger_cores / (busy * machines.ledger_cores),
            )
        )
        self.records_tb_day = rate * DAY * ledger["record_bytes"] / 1e12
        self.kept_tb = self.records_tb_day * machines.days_kept
        self.hour_rows = min(rate * 3_600, self.users * work.models_per_user)
        self.hours_tb_year = self.hour_rows * 24 * 365 * ledger["hour_row_bytes"] / 1e12
        self.sqlite_busy = rate * gateway["sqlite_record_us"] / 1e6
        self.gpus = rate * work.output_tokens / machines.gpu_tokens_per_second


RENEWED_EVERY = 10 / 3
"""Seconds: a lease of ten is renewed at a third of it."""


class Row(NamedTuple):
    what: str
    unit: str
    of: Callable[[Plan], float]


ROWS = (
    Row("gateway: cores busy", "", lambda plan: plan.busy_cores),
    Row("of that, relaying events", "%", lambda plan: plan.relaying * 100),
    Row("nodes of 16 cores, 60 % busy", "", lambda plan: plan.nodes),
    Row("processes, one a core", "", lambda plan: plan.processes),
    Row("events", "/s", lambda plan: plan.events),
    Row("requests under way (rate × duration)", "", lambda plan: plan.open),
    Row("of one process", "", lambda plan: plan.open_per_process),
    Row("files and sockets of one process", "", lambda plan: plan.sockets_per_process),
    Row("memory of a node", "GB", lambda plan: plan.memory_per_node_gb),
    Row("network, each way, in all", "Gbit/s", lambda plan: plan.gbit),
    Row("network, each way, of a node", "Gbit/s", lambda plan: plan.gbit_per_node),
    Row("counters: scripts (take, settle)", "/s", lambda plan: plan.scripts),
    Row("Valkeys, 60 % busy", "", lambda plan: plan.shards),
    Row("scripts of one process to one Valkey", "/s", lambda plan: plan.scripts_of_process),
    Row("Valkeys, were pipelines full", "", lambda plan: plan.shards_grouped),
    Row("memory of all counters", "GB", lambda plan: plan.counters_gb),
    Row("first user's requests", "/s", lambda plan: plan.first_user),
    Row("first user's part of one Valkey", "%", lambda plan: plan.first_user_busy * 100),
    Row("leases renewed for each hold", "scripts/s", lambda plan: plan.renewals),
    Row("leases renewed for each node and Valkey", "scripts/s", lambda plan: plan.renewals_by_node),
    Row("ledger: commits, one a second and node", "/s", lambda plan: plan.commits),
    Row("records in a commit", "", lambda plan: plan.batch),
    Row("PostgreSQL: cores busy", "", lambda plan: plan.ledger_cores),
    Row("write-ahead log", "MB/s", lambda plan: plan.log_mb),
    Row("PostgreSQL primaries", "", lambda plan: plan.primaries),
    Row("records", "TB/day", lambda plan: plan.records_tb_day),
    Row("records of 30 days", "TB", lambda plan: plan.kept_tb),
    Row("sums by hour", "rows/hour", lambda plan: plan.hour_rows),
    Row("of one day, to rebuild counters from", "rows", lambda plan: plan.hour_rows * 24),
    Row("sums by hour, for ever", "TB/year", lambda plan: plan.hours_tb_year),
    Row("one SQLite's writing thread, were there one", "%", lambda plan: plan.sqlite_busy * 100),
    Row("upstream: GPUs of 2,500 tokens/s", "", lambda plan: plan.gpus),
)


class Bound(NamedTuple):
    """Something that ends: `used` of a plan against what one has of it, and what is done then."""

    what: str
    used: Callable[[Plan], float]
    has: float
    then: str


def bounds(machines: Machines = MACHINES) -> Sequence[Bound]:
    busy = machines.busy
    return (
        Bound("one process (a core, and the SQLite it owns)", lambda plan: plan.busy_cores, busy,
              "more processes, so shared counters and ledger: the cluster"),
        Bound("one process, were nothing streamed", lambda plan: plan.busy_cores_unstreamed, busy, "the same"),
        Bound("the thread that writes SQLite, by itself", lambda plan: plan.sqlite_busy, busy,
              "nothing: the process is full long before"),
        Bound("one node of 16 cores", lambda plan: plan.busy_cores, busy * machines.node_cores,
              "more nodes; any balancer will do"),
        Bound("local ports from one node to one address of an upstream", lambda plan: plan.open / plan.nodes,
              machines.ports_per_upstream, "several addresses for an upstream"),
        Bound("files of one process (hard limit 20,000)", lambda plan: plan.sockets_per_process,
              machines.files_per_process, "`LimitNOFILE`"),
        Bound("the wire of one node (25 Gbit/s)", lambda plan: plan.gbit_per_node, busy * machines.node_gbit,
              "nothing: the cores are full long before"),
        Bound("one Valkey", lambda plan: plan.scripts_busy, busy,
              "more of them: a user's keys share a hash slot, so each is asked alone"),
        Bound("30 days of records in one PostgreSQL (16 TB)", lambda plan: plan.kept_tb, machines.ledger_tb,
              "partitions by day, dropped once invoices are final; older ones as files in an object store"),
        Bound("one PostgreSQL's write-ahead log (500 MB/s)", lambda plan: plan.log_mb,
              busy * machines.log_mb_per_second,
              "fewer indexes on the primary; then a primary for each part of the users"),
        Bound("PostgreSQL's connections, one a process (500)", lambda plan: plan.processes, machines.ledger_clients,
              "one shipper a node, for all of its processes; then a pooler"),
        Bound("connections of each Valkey, one a process (10,000)", lambda plan: plan.processes, machines.store_clients,
              "one connection a node: an agent that gathers what its processes ask; it makes pipelines full, too"),
        Bound("one Valkey for the first user", lambda plan: plan.first_user_busy, busy,
              "slices for such users, one pool a node (below)"),
        Bound("first user's sums in one hour's row, one a node and second", lambda plan: plan.commits, 1_000,
              "a row for each writer, summed when read"),
    )  # fmt: skip


def reached(bound: Bound, costs: Costs, work: Workload, machines: Machines) -> float | None:
    """At how many requests a second; None: never below 10¹⁰."""
    low, high = 1.0, 1e10
    if bound.used(Plan(high, costs, work, machines)) < bound.has:
        return None
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if bound.used(Plan(middle, costs, work, machines)) >= bound.has else (middle, high)
    return high


def gateway_nodes(rate: float) -> int:
    return Plan(rate, read_costs()).nodes


def figure(value: float) -> str:
    """Three figures of it."""
    if value and abs(value) < 1e15:
        value = round(value, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def size_table(rates: Sequence[float], costs: Costs, work: Workload) -> str:
    plans = [Plan(rate, costs, work) for rate in rates]
    lines = [
        "| requests/s | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |",
        "| --- |" + " ---: |" * len(rates),
    ]
    for what, unit, of in ROWS:
        lines.append(
            f"| {what}{f', {unit}' if unit else ''} | " + " | ".join(figure(of(plan)) for plan in plans) + " |"
        )
    return "\n".join(lines)


def bounds_table(costs: Costs, work: Workload, machines: Machines = MACHINES) -> str:
    found = [(reached(bound, costs, work, machines), bound) for bound in bounds(machines)]
    lines = ["| on the way to | full at, requests/s | what | then |", "| ---: | ---: | --- | --- |"]
    for rate, bound in sorted(found, key=lambda pair: pair[0] or math.inf):
        scale = next((f"{scale:,}" for scale in SCALES if rate and rate <= scale), "")
        lines.append(f"| {scale} | {figure(rate) if rate else 'never'} | {bound.what} | {bound.then} |")
    return "\n".join(lines)


def written(text: str, name: str, table: str) -> str:
    """The text with the table between its marks. Raises ValueError where it has none."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    if end not in rest:
        raise ValueError(f"there are no marks of {name!r}")
    return f"{before}{start}{table}\n{end}{rest.partition(end)[2]}"


def main() -> None:
    parser = argparse.ArgumentParser("bench.capacity", description="What so many requests a second need.")
    parser.add_argument("--requests-per-second", type=float, nargs="+", default=SCALES, metavar="N")
    parser.add_argument("--streamed", type=float, default=WORKLOAD.streamed, help="part of the requests")
    parser.add_argument("--events", type=float, default=WORKLOAD.events, help="of a stream")
    parser.add_argument("--seconds", type=float, default=WORKLOAD.seconds, help="that a request takes")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/capacity.md, as it has them")
    asked = parser.parse_args()
    costs = read_costs()
    work = WORKLOAD._replace(streamed=asked.streamed, events=asked.events, seconds=asked.seconds)
    print(size_table(asked.requests_per_second, costs, work), bounds_table(costs, work), sep="\n\n")
    if asked.write:
        text = written(DOCUMENT.read_text(), "size", size_table(SCALES, costs, WORKLOAD))
        DOCUMENT.write_text(written(text, "bounds", bounds_table(costs, WORKLOAD)))


if __name__ == "__main__":
    main()
