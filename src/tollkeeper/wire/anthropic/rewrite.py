"""Changes to a request in the Messages dialect before it is sent upstream: single fields in the client's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw

from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.anthropic.request import METADATA, THINKING, AnthropicRequest
from tollkeeper.wire.json_slices import MemberSpan, large_items, large_member
from tollkeeper.wire.strict_json import Edit, Members, begins, member_spans, read_object

_NULL = Raw(b"null")
_LEAST_BUDGET = 1024
"""The least tokens of thinking that Anthropic takes."""
_DIGITS = 18


def rewrite(
    request: AnthropicRequest,
    *,
    model: str,
    opaque_user: Callable[[], str],
    image_urls: Sequence[str],
    output_cap: int | None,
    kind: Kind,  # noqa: ARG001 (no kind takes another form of it, nor can be told a price)
    price: Price | None,  # noqa: ARG001
) -> bytes:
    """The body to send upstream: the client's own bytes except for the fields that must change.

    `model` is the name as the upstream spells it; the result of `opaque_user` replaces `metadata.user_id`; `image_urls`
    replace those of `request.images`, in order; `output_cap`, if not None, replaces `max_tokens`, and the budget of
    thinking stays below it, as it must.
    """
    body, members = request.body, request.members
    changed = [new != old.url for new, old in zip(image_urls, request.images, strict=True)]
    metadata: Members = {}
    if begins(members.get("metadata", _NULL), b"{"):
        metadata = read_object(members["metadata"], METADATA, "metadata")
    hides = "user_id" in metadata
    if not (model != request.model or hides or output_cap is not None or any(changed)):
        return body
    edit, spans = Edit(body), member_spans(body, members)
    if model != request.model:
        _put(edit, spans["model"], model)
    if output_cap is not None and "max_tokens" in spans:
        _put(edit, spans["max_tokens"], output_cap)
    elif output_cap is not None:
        edit.insert("max_tokens", b"%d" % output_cap)
    if output_cap is not None:
        _bound_thinking(edit, body, members, spans, output_cap)
    if hides:
        _put(edit, member_spans(body, metadata, spans["metadata"].start)["user_id"], opaque_user())
    if any(changed):
        places = _image_sources(body, spans["messages"].start)
        for (start, end), url, is_new in zip(places, image_urls, changed, strict=True):
            if is_new:
                edit.replace(start, end, msgspec.json.encode(_source(url)))
    return edit.result()


def _bound_thinking(
    edit: Edit, body: bytes, members: Members, spans: Mapping[str, MemberSpan], output_cap: int
) -> None:
    """Lower the budget of thinking to half of the cap where the cap leaves it no room. Below the least budget the model
    does not think."""
    if not begins(members.get("thinking", _NULL), b"{"):
        return
    thinking = read_object(members["thinking"], THINKING, "thinking")
    budget = bytes(memoryview(thinking.get("budget_tokens", _NULL))[:_DIGITS])
    if not budget.isdigit() or int(budget) < output_cap:
        return
    if output_cap <= _LEAST_BUDGET:
        _put(edit, spans["thinking"], {"type": "disabled"})
    else:
        span = member_spans(body, thinking, spans["thinking"].start)["budget_tokens"]
        _put(edit, span, max(_LEAST_BUDGET, output_cap // 2))


def _put(edit: Edit, span: MemberSpan, value: object) -> None:
    edit.replace(span.start, span.end, msgspec.json.encode(value))


def _source(url: str) -> dict[str, str]:
    """The source of an image from its `data:` URL."""
    head, _, data = url.partition(",")
    return {"type": "base64", "media_type": head.removeprefix("data:").partition(";")[0], "data": data}


def _image_sources(body: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Positions of the sources of `request.images`, in order. `at`: where the messages begin."""
    for message, _ in large_items(body, at):
        content = large_member(body, message, "content")
        if content is not None:
            yield from _sources_in(body, content.start)


def _sources_in(body: bytes, at: int, *, within: bool = False) -> Iterator[tuple[int, int]]:
    if body[at : at + 1] != b"[":
        return
    for block, _ in large_items(body, at):
        kind, source = large_member(body, block, "type"), large_member(body, block, "source")
        is_image = kind is not None and msgspec.json.decode(body[kind.start : kind.end]) == "image"
        if is_image and source is not None and body[source.start : source.start + 1] == b"{":
            yield source.start, source.end
        content = None if within else large_member(body, block, "content")
        if content is not None:
            yield from _sources_in(body, content.start, within=True)
