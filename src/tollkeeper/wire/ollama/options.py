"""The `options` of requests: what samples the output, by a list of those that are known to do only that.

All others concern the machine of the upstream, which all of its users share: memory, threads, graphics cards, how a
model's file is read. They are left out, as are those that are unknown. `num_ctx` is memory, too, but changes what the
model sees: it is passed, bounded by what the model was made for.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.strict_json import Members, names, read_object

PASSED = names(
    "frequency_penalty min_p mirostat mirostat_eta mirostat_tau num_keep penalize_newline presence_penalty"
    " repeat_last_n repeat_penalty seed stop temperature tfs_z top_k top_p typical_p"
)
CAP, CONTEXT = "num_predict", "num_ctx"
OF_THE_MACHINE = names(
    "f16_kv logits_all low_vram main_gpu num_batch num_gpu num_thread numa use_mlock use_mmap vocab_only"
)
KNOWN = PASSED | OF_THE_MACHINE | {CAP, CONTEXT}
_NULL = Raw(b"null")
_MAX_NUMBER = 64


def read_options(members: Members) -> Members:
    """The options of a request. Raises BadRequest."""
    raw = members.get("options", _NULL)
    return {} if raw == _NULL else read_object(raw, KNOWN, "options")


def integer(options: Members, name: str) -> int | None:
    """An option that is an integer, which may be written as `5.0`. Raises BadRequest."""
    raw = options.get(name, _NULL)
    try:
        value: Any = msgspec.json.decode(raw) if memoryview(raw).nbytes <= _MAX_NUMBER else ...
    except msgspec.DecodeError:  # a number beyond all ranges
        value = ...
    if type(value) is float and value.is_integer():
        value = int(value)
    if value is not None and type(value) is not int:
        raise BadRequest(f"'options.{name}' must be an integer.", param=f"options.{name}")
    return value


def passed_options(options: Members, *, cap: int | None, context: int | None) -> Members:
    """The options to send upstream: those that are passed, as they were written. `cap`, if not None, replaces the
    request's own cap on output; `context` is the length of the context to ask for."""
    sent = {name: value for name, value in options.items() if name in PASSED or name == CAP}
    if cap is not None:
        sent[CAP] = Raw(b"%d" % cap)
    if context is not None:
        sent[CONTEXT] = Raw(b"%d" % context)
    return sent
