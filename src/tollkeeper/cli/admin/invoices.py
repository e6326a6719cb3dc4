"""`tollkeeper invoices …`"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import quote, urlencode

import typer
from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.output import facts, print_json, text
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.files import new_file
from tollkeeper.cli.terminal import Column, counted, print_facts, print_table, printable, progress

PATH = "/admin/invoices"
Form = Literal["csv", "zip"]
COLUMNS = (
    Column("invoice", folded=True),
    Column("payer", folded=True),
    Column("month"),
    Column("status"),
    Column("total", right=True),
    Column("issued"),
    Column("due"),
)
LINE_COLUMNS = (
    Column("month"),
    Column("model", folded=True),
    Column("upstream"),
    Column("class"),
    Column("amount", right=True),
    Column("price", right=True),
    Column("cost", right=True),
)
PATIENCE = 3600.0
"""Seconds that finalizing or verifying may take."""
LOOK_EVERY = 1.0
"""Seconds between two looks at how far it is."""
_LISTS = ("lines", "late", "adjustments", "tax", "chains")


class _List(Struct):
    data: list[Object]
    next: str | None = None


class _Finalized(Struct):
    month: str
    issued: int
    already: int


class _Month(Struct):
    open: int


class _Verified(Struct):
    ok: bool
    faults: list[str]


def list_all(
    url: str,
    key: str,
    month: str | None,
    status: str | None,
    user: str | None,
    team: str | None,
    *,
    as_json: bool,
) -> None:
    client = AdminClient(url, key)
    filters = {"month": month, "status": status, "user": user, "team": team}
    found = _pages(client, {name: value for name, value in filters.items() if value is not None})
    if as_json:
        for invoice in found:
            print_json(invoice)
    else:
        print_table(COLUMNS, map(_row, found))


def show(url: str, key: str, invoice: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(_path(invoice), Object)
    if as_json:
        print_json(found)
        return
    print_facts(facts({name: value for name, value in found.items() if name not in _LISTS}))
    rows = [
        *map(_line_row, found["lines"]),
        *map(_line_row, found["late"]),
        *map(_adjustment_row, found["adjustments"]),
    ]
    if rows:
        print()
        print_table(LINE_COLUMNS, rows)


def finalize(url: str, key: str, month: str, user: str | None, team: str | None, *, as_json: bool) -> None:
    client = AdminClient(url, key, patience=PATIENCE)
    body = {"month": month, "user_id": user, "team_id": team}
    with progress(f"Finalizing {printable(month)}") as report, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(client.post, f"{PATH}/finalize", body, _Finalized)
        before: int | None = None
        while True:
            try:
                done = sent.result(LOOK_EVERY)
                break
            except NotYet:
                left = client.get(f"/admin/months/{quote(month, safe='')}", _Month).open
                before = left if before is None else before
                report(before - left, before)
    if as_json:
        print_json(done)
        return
    already = f" {counted(done.already, 'invoice')} {_was(done.already)} there already." if done.already else ""
    print(f"Issued {counted(done.issued, 'invoice')} for {done.month}.{already}")


def verify(url: str, key: str, invoice: str | None, *, as_json: bool) -> None:
    client = AdminClient(url, key, patience=PATIENCE)
    query = "" if invoice is None else f"?{urlencode({'number': invoice})}"
    with progress("Verifying invoices"):
        found = client.get(f"{PATH}/verify{query}", _Verified)
    if as_json:
        print_json(found)
    else:
        for fault in found.faults:
            print(printable(fault))
    what = "the invoices" if invoice is None else printable(invoice)
    if not found.ok:
        raise Failure(f"the ledger does not give {what} again: {counted(len(found.faults), 'fault')}")
    if not as_json:
        print(f"The ledger gives {what} again, to the last digit.")


def pay(url: str, key: str, invoice: str, reference: str | None, paid_at: str | None, *, as_json: bool) -> None:
    given = {"reference": reference, "paid_at": paid_at}
    body = {name: value for name, value in given.items() if value is not None}
    changed = AdminClient(url, key).post(f"{_path(invoice)}/pay", body, Object)
    _say(f"{changed['number']} is paid.", changed, as_json=as_json)


def void(url: str, key: str, invoice: str, reason: str, *, as_json: bool) -> None:
    changed = AdminClient(url, key).post(f"{_path(invoice)}/void", {"reason": reason}, Object)
    _say(f"{changed['number']} is void. Its records are open again.", changed, as_json=as_json)


def credit_note(url: str, key: str, invoice: str, reason: str, *, as_json: bool) -> None:
    made = AdminClient(url, key).post(f"{_path(invoice)}/credit-note", {"reason": reason}, Object)
    _say(f"{made['corrects']} is taken back by the credit note {made['number']}.", made, as_json=as_json)


def export(url: str, key: str, month: str, form: Form, output: Path | None) -> None:
    if output is None and form == "zip" and sys.stdout.isatty():
        raise typer.BadParameter("a ZIP file is nothing for a terminal: name a file", param_hint="--output")
    _write(url, key, f"{PATH}.{form}?{urlencode({'month': month})}", output)


def export_requests(url: str, key: str, invoice: str, output: Path | None) -> None:
    _write(url, key, f"{_path(invoice)}/requests.csv", output)


def _write(url: str, key: str, path: str, output: Path | None) -> None:
    """Write what a path gives to a new file, or to standard output."""
    parts = AdminClient(url, key, patience=PATIENCE).content(path)
    with _standard_output() if output is None else new_file(output) as out:
        size = sum(out.write(part) for part in parts)
    if output is not None:
        print(f"{counted(size, 'byte')} written to {output}")


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def _pages(client: AdminClient, filters: dict[str, str]) -> Iterator[Object]:
    after: str | None = None
    while True:
        query = filters | {"limit": "1000"} | ({} if after is None else {"after": after})
        page = client.get(f"{PATH}?{urlencode(query)}", _List)
        yield from page.data
        if page.next is None:
            return
        after = page.next


def _path(invoice: str) -> str:
    if not invoice:
        raise typer.BadParameter("must not be empty", param_hint="NUMBER")  # the path would be that of all of them
    return f"{PATH}/{quote(invoice, safe='')}"


def _say(line: str, body: Object, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        print(printable(line))


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _row(invoice: Object) -> list[str]:
    payer = invoice["payer"]
    who = f"team {payer['team_id']}" if "team_id" in payer else payer["user_id"]
    issued, due = (text(invoice[name] and invoice[name][:10]) for name in ("issued_at", "due_at"))
    return [
        invoice["number"] or invoice["id"],
        who,
        invoice["month"],
        invoice["status"],
        invoice["total_usd"],
        issued,
        due,
    ]


def _line_row(line: Object) -> list[str]:
    price: Any = line["unit_price_usd_per_mtok"] if not line.get("units") else line.get("unit_price_usd")
    return [
        text(line.get("month")),
        line["model"],
        line["upstream"],
        line["class"],
        f"{line.get('units') or line['tokens']:,}",
        text(price),
        line["cost_exact_usd"],
    ]


def _adjustment_row(item: Object) -> list[str]:
    return [item["month"], item["reason"], "-", "adjustment", "-", "-", item["cost_exact_usd"]]
