"""Changes to a request in Ollama's dialect before it is sent upstream: single fields in the client's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.json_slices import MemberSpan, large_items, large_member
from tollkeeper.wire.ollama.options import passed_options
from tollkeeper.wire.ollama.request import CHAT, GENERATE, OllamaRequest
from tollkeeper.wire.strict_json import Edit, member_spans


def rewrite(
    request: OllamaRequest,
    *,
    model: str,
    opaque_user: Callable[[], str],  # noqa: ARG001 (no field names a user, nor a price)
    image_urls: Sequence[str],
    output_cap: int | None,
    kind: Kind,
    price: Price | None,  # noqa: ARG001
) -> bytes:
    """The body to send upstream: the client's own bytes except for the fields that must change.

    `model` is the name as the upstream spells it; `image_urls` replace those of `request.images`, in order;
    `output_cap`, if not None, replaces `options.num_predict`. How long a model stays in memory is not the clients' to
    say, so `keep_alive` is left out, and `options` that concern the upstream's machine.
    """
    members = request.members
    text = request.sent if kind.takes_lone_surrogates else request.body
    changed = [new is not old.url or not old.bare for new, old in zip(image_urls, request.images, strict=True)]
    options = passed_options(request.options, cap=output_cap, context=request.context)
    edits_options = options != request.options
    if not (model != request.model or edits_options or "keep_alive" in members or any(changed)):
        return text
    edit, spans = Edit(text), member_spans(text, members)
    if model != request.model:
        edit.replace(spans["model"].start, spans["model"].end, msgspec.json.encode(model))
    if edits_options and "options" in spans:
        edit.replace(spans["options"].start, spans["options"].end, msgspec.json.encode(options))
    elif edits_options:
        edit.insert("options", msgspec.json.encode(options))
    if "keep_alive" in spans:
        _remove(edit, spans, "keep_alive")
    if any(changed):
        for (start, end), url, is_new in zip(_image_spans(text, request, spans), image_urls, changed, strict=True):
            if is_new:
                edit.replace(start, end, b'"%b"' % url[url.index(",") + 1 :].encode())
    return edit.result()


def _remove(edit: Edit, spans: Mapping[str, MemberSpan], name: str) -> None:
    """Take one member out; there are others."""
    keys = list(spans)
    place = keys.index(name)
    if place:
        edit.replace(spans[keys[place - 1]].end, spans[name].end, b"")
    else:
        edit.replace(spans[name].key_start, spans[keys[1]].key_start, b"")


def _image_spans(text: bytes, request: OllamaRequest, spans: Mapping[str, MemberSpan]) -> Iterator[tuple[int, int]]:
    """Positions of the strings of `request.images`, in order."""
    if request.endpoint is GENERATE:
        yield from large_items(text, spans["images"].start)
    elif request.endpoint is CHAT:
        for message, _ in large_items(text, spans["messages"].start):
            images = large_member(text, message, "images")
            if images is not None and text[images.start : images.start + 1] == b"[":
                yield from large_items(text, images.start)
