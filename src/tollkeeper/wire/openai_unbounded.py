"""What in a request keeps a budget from holding: input from outside of the body, and other ways to ask for output.

Read only for those who have such a limit. What is not known to be harmless is told: a field that some server reads and
nobody here knows may fetch a page, a file or a video, whose size no limit can foresee.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from tollkeeper.wire.jsontext import Members, read_object, read_objects
from tollkeeper.wire.openai import CHAT, MESSAGE_FIELDS, PART_FIELDS, Ask


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MORE_OUTPUT = _names(
    "best_of ignore_eos max_completion_length max_gen_len max_length max_new_tokens max_output_tokens"
    " max_tokens_to_sample min_completion_tokens min_length min_new_tokens min_tokens n_predict num_beams num_predict"
    " use_beam_search"
)
"""How other servers than OpenAI's are asked for a longer answer, or for more of them."""
_OUTSIDE = _names("conversation plugins previous_response_id web_search_options")
# What OpenRouter, vLLM, llama.cpp and their like read beside OpenAI's own, and that stays within the body.
_HARMLESS = _names(
    "add_generation_prompt add_special_tokens cache_control cache_prompt chat_template_kwargs dry_allowed_length"
    " dry_base dry_multiplier dry_penalty_last_n dry_sequence_breakers dynatemp_exponent dynatemp_range enable_thinking"
    " grammar guided_choice guided_decoding_backend guided_grammar guided_json guided_regex id_slot include_reasoning"
    " include_stop_str_in_output json_schema length_penalty logits_processors min_keep min_p mirostat mirostat_eta"
    " mirostat_tau moderation n_probs presence_context_penalty priority prompt_cache_key prompt_cache_options"
    " prompt_cache_retention prompt_logprobs provider reasoning_budget reasoning_format repeat_last_n repeat_penalty"
    " repetition_penalty request_id return_token_ids return_tokens_as_token_ids route samplers session_id"
    " skip_special_tokens spaces_between_special_tokens stop_token_ids structured_outputs tfs_z thinking"
    " timings_per_token top_a top_k trace transforms truncate_prompt_tokens typical_p usage xtc_probability"
    " xtc_threshold"
)
_MESSAGE = MESSAGE_FIELDS - {"audio", "images"} | _names(
    "annotations cache_control id partial prefix reasoning_details tool_name"
)
_PART = PART_FIELDS | {"cache_control"}
_PARTS = _names("file image_url input_audio refusal text")
_FILE = _names("file_data filename")
_AUDIO = _names("data format")
_TOOL = _names("cache_control custom description function name parameters strict type")
_TOOLS = _names("custom function")
_INLINE = re.compile(r"(data:[^,]{0,256};base64,)?[A-Za-z0-9+/=_\s-]*", re.ASCII | re.IGNORECASE)
_NOTHING = (b"null", b"[]")
_PLAIN = (CHAT.known | _HARMLESS) - _OUTSIDE - {"options", "tools"}


class _Text(Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["text"]
    text: str


class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: str
    content: str | list[_Text] | None = None


_read_plain = msgspec.json.Decoder(list[_Message]).decode


def more_output(ask: Ask) -> str | None:
    """The first field that may raise the output beyond `max_tokens`."""
    counted = "best_of" if "best_of" in ask.endpoint.known else None
    for name in ask.members:
        if name in _MORE_OUTPUT and name != counted and _given(ask.members, name):
            return name
    if not _given(ask.members, "options"):
        return None
    options = msgspec.json.decode(ask.members["options"], type=Members)  # an object, as read_ask made sure
    return next((f"options.{name}" for name in options if name in _MORE_OUTPUT and _given(options, name)), None)


def from_elsewhere(ask: Ask, *, reads_all: bool) -> str | None:
    """The first field that may bring input from outside of the body. `reads_all` False: the server is known to pass
    over fields that are not of its own API, as Ollama does. Raises BadRequest for what is given twice."""
    if _is_plain(ask):
        return None
    known = ask.endpoint.known
    for name in ask.members:
        unknown = (name not in known and name not in _HARMLESS) or name == "options"
        strange = name in _OUTSIDE or (reads_all and unknown)
        if strange and _given(ask.members, name):
            return name
    for name in ("prompt", "input"):
        if name in ask.members and _holds_objects(ask.members[name]):
            return name
    return _of_tools(ask.members) or _of_messages(ask, reads_all=reads_all)


def _is_plain(ask: Ask) -> bool:
    """Whether it is a chat of texts alone, without tools: most are, and to see that takes a third of a closer look."""
    if not ask.endpoint.has_messages or not _PLAIN.issuperset(ask.members) or "messages" not in ask.members:
        return False
    try:
        _read_plain(ask.members["messages"])
    except msgspec.DecodeError:
        return False
    return True


def _given(members: Members, name: str) -> bool:
    return name in members and bytes(members[name]) != b"null"


def _begins(raw: Raw) -> bytes:
    return bytes(memoryview(raw)[:1])


def _holds_objects(raw: Raw) -> bool:
    """A prompt kept elsewhere, or parts of other kinds than text."""
    if _begins(raw) != b"[":
        return _begins(raw) == b"{"
    return any(_begins(item) == b"{" for item in msgspec.json.decode(raw, type=list[Raw]))


def _of_tools(members: Members) -> str | None:
    if not _given(members, "tools"):
        return None
    for place, tool in enumerate(read_objects(members["tools"], _TOOL, "tools")):
        where = f"tools[{place}]"
        if _text(tool.get("type")) not in _TOOLS:
            return f"{where}.type"
        stranger = next((name for name in tool if name not in _TOOL), None)
        if stranger is not None:
            return f"{where}.{stranger}"
    return None


def _of_messages(ask: Ask, *, reads_all: bool) -> str | None:
    if not ask.endpoint.has_messages or not _given(ask.members, "messages"):
        return None
    for place, message in enumerate(read_objects(ask.members["messages"], MESSAGE_FIELDS, "messages")):
        where = f"messages[{place}]"
        for name, value in message.items():
            harmless = name in _MESSAGE or (not reads_all and name not in MESSAGE_FIELDS)
            if not harmless and bytes(value) not in _NOTHING:
                return f"{where}.{name}"
        found = _of_content(message.get("content"), f"{where}.content")
        if found is not None:
            return found
    return None


def _of_content(content: Raw | None, where: str) -> str | None:
    if content is None or _begins(content) in (b'"', b"n"):
        return None
    if _begins(content) != b"[":
        return where
    for place, part in enumerate(read_objects(content, PART_FIELDS, where)):
        found = _of_part(part, f"{where}[{place}]")
        if found is not None:
            return found
    return None


def _of_part(part: Members, where: str) -> str | None:
    """Its images are not looked at: they are fetched and counted by themselves, whatever its type."""
    if _given(part, "type") and _text(part["type"]) not in _PARTS:
        return f"{where}.type"
    for name in part:
        if name not in _PART and _given(part, name):
            return f"{where}.{name}"
    for name, fields, data in (("file", _FILE, "file_data"), ("input_audio", _AUDIO, "data")):
        if _given(part, name):
            inner = read_object(part[name], fields, f"{where}.{name}")
            stranger = next((field for field in inner if field not in fields and _given(inner, field)), None)
            if stranger is not None:
                return f"{where}.{name}.{stranger}"
            if _given(inner, data) and not _INLINE.fullmatch(_text(inner[data]) or "?"):
                return f"{where}.{name}.{data}"
    return None


def _text(raw: Raw | None) -> str | None:
    if raw is None or _begins(raw) != b'"':
        return None
    text: str = msgspec.json.decode(raw)
    return text
