"""Events as e-mails: a subject, and paragraphs as text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tollkeeper.rules.events import EventType
from tollkeeper.rules.times import format_time
from tollkeeper.store.ports.events import Event

_MOST_SUBJECT = 150


class Letter(Struct, frozen=True):
    """What an e-mail says."""

    subject: str
    text: str
    html: str


def letter(event: Event) -> Letter:
    """The e-mail of an event."""
    data: dict[str, Any] = msgspec.json.decode(event.data)
    write = _WRITERS.get(event.type, _other)
    subject, *paragraphs = (_one_line(line) for line in write(event.type, data))
    footer = f"Tollkeeper, {format_time(event.at)}, {event.id}"
    body = "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in paragraphs)
    return Letter(
        subject[:_MOST_SUBJECT],
        "\n\n".join([*paragraphs, f"-- \n{footer}"]) + "\n",
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(subject)}</title></head>\n'
        '<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em">\n'
        f'<h1 style="font-size: 1.25em">{html.escape(subject)}</h1>\n{body}'
        f'<p style="color: #666; font-size: 0.875em">{html.escape(footer)}</p>\n</body>\n</html>\n',
    )


def _budget(event_type: str, data: Mapping[str, Any]) -> Sequence[str]:
    owner, limit, unit = _owner(data), data["limit"], _unit(data["limit"])
    model = f" for the model {data['model']}" if data.get("model") else ""
    used = f"{data['used']} of {data['value']} {unit}"
    resets = f" All of it is free again at {data['resets_at']}." if data.get("resets_at") else ""
    if event_type == "budget.exhausted":
        happens = "Nothing is refused for it." if data["owner"] == "everyone" else "Requests over it are refused."
        return (
            f"Budget used up: {limit} of {owner}",
            f"The budget {limit}{model} of {owner} is used up: {used}. {happens}{resets}",
            "An admin can raise the limit; it is in force at the next request.",
        )
    return (
        f"{data['percent']} % of {limit} of {owner} is used",
        f"The use of the budget {limit}{model} of {owner} has reached {data['percent']} %: {used}.{resets}",
    )


def _suspended(_: str, data: Mapping[str, Any]) -> Sequence[str]:
    return (
        f"User suspended: {data['user_id']}",
        f"The account {data['user_id']} was suspended by {data['by']}. Its requests are refused from now on.",
    )


def _upstream(event_type: str, data: Mapping[str, Any]) -> Sequence[str]:
    name = data["upstream"]
    if event_type == "upstream.up":
        return f"Upstream up: {name}", f"The upstream {name} serves requests again."
    return (
        f"Upstream down: {name}",
        f"The upstream {name} serves no requests: {data['reason']}.",
        "Models that no other upstream has cannot be used until it is up again.",
    )


def _ledger(event_type: str, data: Mapping[str, Any]) -> Sequence[str]:
    if event_type == "ledger.recovered":
        return "Ledger writes again", f"The ledger can be written again. It failed from {data['failed_at']} on."
    return (
        "Ledger cannot be written",
        f"The ledger cannot be written: {data['reason']}.",
        "All requests are refused until it can: what cannot be recorded is not relayed.",
    )


def _other(event_type: str, data: Mapping[str, Any]) -> Sequence[str]:
    return f"Tollkeeper: {event_type}", msgspec.json.encode(data).decode()


_Write = Callable[[str, Mapping[str, Any]], Sequence[str]]
_WRITERS: Mapping[EventType, _Write] = {
    "budget.threshold": _budget,
    "budget.exhausted": _budget,
    "user.suspended": _suspended,
    "upstream.down": _upstream,
    "upstream.up": _upstream,
    "ledger.failing": _ledger,
    "ledger.recovered": _ledger,
}


def _owner(data: Mapping[str, Any]) -> str:
    kind = data["owner"]
    if kind == "everyone":
        return "everyone together"
    if kind in ("key", "end_user"):
        return f"the {kind.replace('_', ' ')} {data[f'{kind}_id']} of {data['user_id']}"
    return f"the {kind} {data[f'{kind}_id']}"


def _unit(limit: str) -> str:
    return "US dollars" if limit.startswith("cost") else limit.partition("_")[0]


def _one_line(text: str) -> str:
    """The text as one line, whatever characters names and errors hold."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
