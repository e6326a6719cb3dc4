"""Changes to a request in the Responses dialect before it is sent upstream: single fields in the client's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.end_users import PERSONAL
from tollkeeper.wire.json_slices import LARGE, MemberSpan, large_items, large_member
from tollkeeper.wire.openai.rewrite import max_price, put, put_inside
from tollkeeper.wire.responses.fields import CONTENT
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.strict_json import Edit, member_spans

_NULL, _FALSE = Raw(b"null"), Raw(b"false")
_CAP = "max_output_tokens"
_ENCRYPTED = "reasoning.encrypted_content"


def rewrite(
    request: ResponsesRequest,
    *,
    model: str,
    opaque_user: Callable[[], str],
    image_urls: Sequence[str],
    output_cap: int | None,
    kind: Kind,
    price: Price | None,
) -> bytes:
    """The body to send upstream: the client's own bytes except for the fields that must change.

    As in `wire.openai.rewrite`; beside that `store` is false wherever the client does not say so itself. Such a client
    may not know that it must carry the reasoning of the model, so a model that gives it is asked for it. Tools that the
    model can do without are left out: upstreams that run them charge for them beside tokens, and no budget bounds them.
    """
    members = request.members
    text = request.sent if kind.takes_lone_surrogates else request.body
    edit, spans = Edit(text), member_spans(text, members)
    if model != request.model:
        put(edit, spans["model"], model)
    if output_cap is not None:
        _set(edit, spans, _CAP, b"%d" % output_cap)
    for name in PERSONAL:
        if members.get(name, _NULL) != _NULL:
            put(edit, spans[name], opaque_user())
    if members.get("store", _NULL) != _FALSE:
        _set(edit, spans, "store", b"false")
        if model.startswith(kind.encrypts_reasoning_of) and "-chat" not in model:
            _include(edit, spans, members.get("include", _NULL))
    if request.spare:
        at, end = spans["tools"].start, spans["tools"].end
        kept = [text[slice(*span)] for place, span in enumerate(large_items(text, at)) if place not in request.spare]
        edit.replace(at, end, b"[%b]" % b",".join(kept))
    if kind.takes_max_price and price is not None:
        if "provider" in members:
            put_inside(edit, text, spans, members, "provider", "max_price", max_price(price))
        else:
            edit.insert("provider", b'{"max_price":%b}' % max_price(price))
    if any(new is not old.url for new, old in zip(image_urls, request.images, strict=True)):
        places = _image_spans(text, spans["input"].start)
        for (start, end), url in zip(places, image_urls, strict=True):
            edit.replace(start, end, msgspec.json.encode(url))
    return edit.result()


def _set(edit: Edit, spans: Mapping[str, MemberSpan], name: str, value: bytes) -> None:
    if name in spans:
        edit.replace(spans[name].start, spans[name].end, value)
    else:
        edit.insert(name, value)


def _include(edit: Edit, spans: Mapping[str, MemberSpan], raw: Raw) -> None:
    """Ask for reasoning that the client can carry to the next turn."""
    if raw == _NULL:
        _set(edit, spans, "include", msgspec.json.encode([_ENCRYPTED]))
        return
    try:
        wanted = msgspec.json.decode(raw, type=list[str]) if len(raw) <= LARGE else None
    except msgspec.DecodeError:
        wanted = None
    if wanted is None:
        raise BadRequest("'include' must be a short array of strings.", param="include")
    if _ENCRYPTED not in wanted:
        put(edit, spans["include"], [*wanted, _ENCRYPTED])


def _image_spans(body: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Positions of the URL strings of `request.images`, in order. `at`: where the input begins."""
    for item, _ in large_items(body, at):
        for name in CONTENT:
            held = large_member(body, item, name)
            if held is None:
                continue
            if body[held.start] == ord("["):
                for part, _ in large_items(body, held.start):
                    yield from _url_span(body, part)
            elif body[held.start] == ord("{"):
                yield from _url_span(body, held.start)


def _url_span(body: bytes, part: int) -> Iterator[tuple[int, int]]:
    url = large_member(body, part, "image_url")
    if url is not None and body[url.start] == ord('"'):
        yield url.start, url.end
