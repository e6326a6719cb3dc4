"""Changes to a request in the OpenAI dialect before it is sent upstream: single fields in the client's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Raw

from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.money import format_price
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.end_users import PERSONAL
from tollkeeper.wire.json_slices import MemberSpan, large_items, large_member
from tollkeeper.wire.openai.kinds import only_prompt
from tollkeeper.wire.openai.request import COMPLETIONS, OpenAIRequest
from tollkeeper.wire.strict_json import Edit, Members, member_spans, read_object

_NULL, _FALSE = Raw(b"null"), Raw(b"false")
_MAY_CHANGE = frozenset((*PERSONAL, "max_completion_tokens", "store"))
"""Fields that may have to change though nothing else does."""


def rewrite(
    request: OpenAIRequest,
    *,
    model: str,
    opaque_user: Callable[[], str],
    image_urls: Sequence[str],
    output_cap: int | None,
    kind: Kind,
    price: Price | None,
) -> bytes:
    """The body to send upstream: the client's own bytes except for the fields that must change.

    `model` is the name as the upstream spells it; the result of `opaque_user` replaces `user` and `safety_identifier`;
    `image_urls` replace those of `request.images`, in order; `output_cap`, if not None, replaces the request's own. A
    stream is made to report its usage. `kind` is that of the upstream; its traits decide the rest. `price` is the most
    that the upstream may charge, where its kind can be told so.
    """
    members = request.members
    text = request.sent if kind.takes_lone_surrogates else request.body
    adds_usage = request.stream and not request.wants_usage
    bound = max_price(price) if kind.takes_max_price and price is not None else b""
    if not (adds_usage or bound) and _stays(request, model, output_cap):
        return text  # as of most; what follows takes three times the instructions
    changed = request.images and any(
        new is not old.url or (old.bare and not kind.takes_bare_images)
        for new, old in zip(image_urls, request.images, strict=True)
    )
    renames = kind.renames_cap and "max_completion_tokens" in members
    hides = [name for name in PERSONAL if name in members and members[name] != _NULL]
    stores = not kind.passes_over_unknown and members.get("store", _NULL) not in (_NULL, _FALSE)
    caps = ("max_tokens" in members) + ("max_completion_tokens" in members)
    recaps = caps == 2 or (caps == 1 and output_cap is not None)
    edits_options = adds_usage and "stream_options" in members
    edits_provider = bool(bound) and "provider" in members
    prompt = None if kind.takes_prompt_lists or request.endpoint is not COMPLETIONS else only_prompt(request)
    # Positions in the body are searched only for changes of existing fields: adding one needs none.
    replaces = bool(
        changed
        or renames
        or hides
        or edits_options
        or edits_provider
        or recaps
        or stores
        or request.uncapped
        or prompt is not None
        or model != request.model
    )
    if not (adds_usage or replaces or bound or output_cap is not None):
        return text
    if not replaces and not caps:
        return _with_more(request, text, adds_usage=adds_usage, output_cap=output_cap, kind=kind, bound=bound)
    edit = Edit(text)
    spans = member_spans(text, members) if replaces else {}
    if edits_options:
        put_inside(edit, text, spans, members, "stream_options", "include_usage", b"true")
    elif adds_usage:
        edit.insert("stream_options", b'{"include_usage":true}')
    if edits_provider:
        put_inside(edit, text, spans, members, "provider", "max_price", bound)
    elif bound:
        edit.insert("provider", b'{"max_price":%b}' % bound)
    if model != request.model:
        put(edit, spans["model"], model)
    for name in hides:
        put(edit, spans[name], opaque_user())
    if stores:
        put(edit, spans["store"], False)
    _cap(edit, request, spans, output_cap, kind)
    if prompt is not None:
        edit.replace(spans["prompt"].start, spans["prompt"].end, memoryview(prompt))
    if renames and "max_tokens" not in members:
        edit.replace(spans["max_completion_tokens"].key_start, spans["max_completion_tokens"].key_end, b'"max_tokens"')
    if changed:
        _put_images(edit, request, _image_spans(text, spans["messages"].start), image_urls, kind)
    return edit.result()


def _stays(request: OpenAIRequest, model: str, output_cap: int | None) -> bool:
    """Whether no upstream needs another body than the client's, of which at most something may be missing."""
    return (
        model == request.model
        and output_cap is None
        and not request.images
        and not request.uncapped
        and request.endpoint is not COMPLETIONS
        and _MAY_CHANGE.isdisjoint(request.members)
    )


def put(edit: Edit, span: MemberSpan, value: object) -> None:
    """Set the value of a member."""
    edit.replace(span.start, span.end, msgspec.json.encode(value))


def _put_images(
    edit: Edit, request: OpenAIRequest, places: Sequence[tuple[int, int]], image_urls: Sequence[str], kind: Kind
) -> None:
    for (start, end), image, url in zip(places, request.images, image_urls, strict=True):
        wrapped = {"url": url} if image.bare and not kind.takes_bare_images else url
        edit.replace(start, end, msgspec.json.encode(wrapped))


def _cap(
    edit: Edit, request: OpenAIRequest, spans: Mapping[str, MemberSpan], output_cap: int | None, kind: Kind
) -> None:
    """Write the cap where it differs from the client's; a cap that means "no limit" becomes null."""
    cap = request.output_cap if output_cap is None else output_cap
    both = "max_tokens" in request.members and "max_completion_tokens" in request.members
    if cap is not None and (output_cap is not None or both):
        for field in _cap_fields(request, kind):
            if field in spans:
                put(edit, spans[field], cap)
            else:
                edit.insert(field, b"%d" % cap)
        return
    for name, _ in request.uncapped:
        put(edit, spans[name], None)


def _with_more(
    request: OpenAIRequest, text: bytes, *, adds_usage: bool, output_cap: int | None, kind: Kind, bound: bytes
) -> bytes:
    """The body with missing fields added in front, which is all that most requests need."""
    added = b'"stream_options":{"include_usage":true},' if adds_usage else b""
    if bound:
        added += b'"provider":{"max_price":%b},' % bound
    if output_cap is not None:
        (field,) = _cap_fields(request, kind)
        added += b'"%b":%d,' % (field.encode(), output_cap)
    brace = text.index(b"{") + 1
    view = memoryview(text)
    return b"".join((view[:brace], added, view[brace:]))


def _cap_fields(request: OpenAIRequest, kind: Kind) -> list[str]:
    """The fields for the cap: those that the client gave, else the one that the upstream reads."""
    members, plain, newer = request.members, "max_tokens", "max_completion_tokens"
    given = [name for name in (plain, newer) if members.get(name, _NULL) != _NULL]
    if kind.renames_cap and plain in members and plain not in given:
        return [plain, *given]
    if given:
        return given
    is_newer = (kind.newer_cap and request.endpoint.has_messages) or (newer in members and plain not in members)
    return [newer] if is_newer else [plain]


def max_price(price: Price) -> bytes:
    """A price as OpenRouter bounds one: dollars per million tokens, as strings, which keep them exact."""
    figures = {"prompt": format_price(price.input), "completion": format_price(price.output)}
    return msgspec.json.encode(figures)


def put_inside(
    edit: Edit, body: bytes, spans: Mapping[str, MemberSpan], members: Members, name: str, inner: str, value: bytes
) -> None:
    """Set the member `inner` of the object `name`, or of a new one where that is null."""
    span, raw = spans[name], members[name]
    inside: Members = {} if raw == _NULL else read_object(raw, frozenset(), name)
    if inner in inside:
        found = member_spans(body, inside, span.start)[inner]
        edit.replace(found.start, found.end, value)
    elif inside:
        edit.replace(span.start + 1, span.start + 1, b'"%b":%b,' % (inner.encode(), value))
    else:
        edit.replace(span.start, span.end, b'{"%b":%b}' % (inner.encode(), value))


def _image_spans(body: bytes, at: int) -> list[tuple[int, int]]:
    """Positions of the URL strings of `request.images`, in order. `at`: where the messages begin."""
    found = []
    for start, _ in large_items(body, at):
        content = large_member(body, start, "content")
        if content is None or body[content.start] != ord("["):
            continue
        for part, _ in large_items(body, content.start):
            image = large_member(body, part, "image_url")
            if image is not None and body[image.start] == ord("{"):
                image = large_member(body, image.start, "url")
            if image is not None and body[image.start] == ord('"'):
                found.append((image.start, image.end))
    return found
