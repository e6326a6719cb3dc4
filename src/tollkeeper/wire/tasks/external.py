"""Fields of tasks that bring input from elsewhere: a URL, whose size is not known, or something that the upstream's
account has stored, which may be another's."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.wire.strict_json import Members, begins, read_items, read_object, read_string
from tollkeeper.wire.tasks.request import TaskRequest

_URL_FIELDS = frozenset(("image_url", "url", "file_url"))
_STORED_FIELDS = frozenset(("file_id", "id"))
_HOLDERS = ("input", "image", "images", "mask", "voice", "documents", "query")
"""Fields that may hold objects with such fields."""


def check_kind(request: TaskRequest, kind: Kind) -> None:
    """Raise BadRequest for what reaches something that the upstream's account has stored."""
    if kind.passes_over_unknown:
        return
    for where, name, _ in _inner(request):
        if name in _STORED_FIELDS and not (name == "id" and where != "voice"):
            raise BadRequest(
                f"'{where}.{name}' may reach what others have stored, since users here share an account of the "
                "upstream. Send the content itself.",
                param=f"{where}.{name}",
            )


def external_input_field(request: TaskRequest, _: Kind) -> str | None:
    """The first field with a URL that the upstream would fetch."""
    for where, name, value in _inner(request):
        if name in _URL_FIELDS and not _is_inline(value):
            return f"{where}.{name}"
    return None


def _inner(request: TaskRequest) -> Iterator[tuple[str, str, Raw]]:
    """The fields of the objects in a request of JSON: where each object is, its name and its value."""
    for holder in _HOLDERS:
        raw = request.members.get(holder)
        if raw is None:
            continue
        if begins(raw, b"{"):
            yield from _fields(raw, holder)
        elif begins(raw, b"["):
            for place, item in enumerate(read_items(raw, holder)):
                if begins(item, b"{"):
                    yield from _fields(item, f"{holder}[{place}]")


def _fields(raw: Raw, where: str) -> Iterator[tuple[str, str, Raw]]:
    members: Members = read_object(raw, _URL_FIELDS | _STORED_FIELDS, where)
    for name, value in members.items():
        yield where, name, value
        if name in _URL_FIELDS and begins(value, b"{"):
            for inner, text in read_object(value, _URL_FIELDS, f"{where}.{name}").items():
                yield f"{where}.{name}", inner, text


def _is_inline(raw: Raw) -> bool:
    """Whether a value is a data URL, or an object, which is looked into."""
    if begins(raw, b"{"):
        return True
    text = read_string(raw)
    return text is not None and text[:5].lower() == "data:"
