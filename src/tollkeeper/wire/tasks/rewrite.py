"""Changes to a request for a task before it is sent upstream: single fields in the client's own bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tollkeeper.rules.kinds import Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.end_users import PERSONAL
from tollkeeper.wire.strict_json import Edit, member_spans
from tollkeeper.wire.tasks.request import TRANSLATIONS, TaskRequest


def rewrite(
    request: TaskRequest,
    *,
    model: str,
    opaque_user: Callable[[], str],
    image_urls: Sequence[str],  # noqa: ARG001 (its images pass as they are)
    output_cap: int | None,  # noqa: ARG001 (nothing caps its output)
    kind: Kind,  # noqa: ARG001 (all kinds that serve it take the same)
    price: Price | None,
) -> bytes:
    """The body to send upstream: the client's own bytes except for the model, names of the client's users, and the
    format of a transcript where the one that was asked for would not be metered."""
    changed: dict[str, str] = {}
    if model != request.model or not request.names_model:
        changed["model"] = model
    for name in PERSONAL:
        if request.text(name):
            changed[name] = opaque_user()
    if request.endpoint.reads_audio and (metered := _metered_format(request, price)) != request.format:
        changed["response_format"] = metered
    if not changed:
        return request.body
    if request.form is not None:
        return request.form.replaced(changed)
    edit = Edit(request.body)
    spans = member_spans(request.body, request.members)
    for name, text in changed.items():
        value = msgspec.json.encode(text)
        if name in spans:
            edit.replace(spans[name].start, spans[name].end, value)
        else:
            edit.insert(name, value)
    return edit.result()


def _metered_format(request: TaskRequest, price: Price | None) -> str:
    """The format to ask for. Text reports no usage, so it is taken from JSON; of translations only verbose JSON says
    how long the audio is, which counts where that is priced."""
    by_the_minute = price is not None and price.per_minute is not None
    if by_the_minute and request.endpoint is TRANSLATIONS and request.format in ("", "json", "text"):
        return "verbose_json"
    return "json" if request.format == "text" else request.format
