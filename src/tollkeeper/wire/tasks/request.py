"""Reading and checking requests for tasks: JSON, or a form with files.

Shapes: OpenAI's API reference (moderations, audio, images); Jina's and vLLM's reference (rerank).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.end_users import PERSONAL, check_name, named_in_members
from tollkeeper.wire.http.multipart import Form, is_form, read_form
from tollkeeper.wire.json_slices import without_surrogates
from tollkeeper.wire.request import Endpoint, ModelRequest, Units
from tollkeeper.wire.strict_json import Members, begins, check_text, names, read_items, read_object, read_string
from tollkeeper.wire.usage import UnitReport

_NULL = Raw(b"null")
_ONCE = names("model user response_format stream stream_format n prompt safety_identifier")
"""Fields that the gateway reads, or that a form may have once."""
_MAX_IMAGES = 10_000
_NUMBER = re.compile(r"[0-9]{1,9}")
_FLAGS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False, "": False}
TEXT_FORMATS = frozenset(("text", "srt", "vtt"))
"""Formats of transcripts that are no JSON."""


class TaskEndpoint(Endpoint, frozen=True, kw_only=True):
    """A task. `answer` is the field that every whole response has. `takes_forms`: its requests may be forms, with
    files. `default_model`: what a request without a model asks for, by OpenAI's reference; "": it must name one.
    `renames`: its responses name the model. `makes_images`, `reads_audio`, `speaks`: what it is metered by."""

    generates: bool = False
    answer: bytes = b""
    takes_forms: bool = False
    default_model: str = ""
    renames: bool = False
    makes_images: bool = False
    reads_audio: bool = False
    speaks: bool = False
    declared: bool = True


MODERATIONS = TaskEndpoint(
    "/v1/moderations",
    streams=False,
    summary="Tell whether texts or images are harmful",
    request_schema="ModerationRequest",
    response_schema="ModerationAnswer",
    answer=b"results",
    default_model="omni-moderation-latest",
    renames=True,
)
RERANK = TaskEndpoint(
    "/v1/rerank",
    streams=False,
    summary="Order documents by how well they answer a query",
    request_schema="RerankRequest",
    response_schema="RerankAnswer",
    answer=b"results",
    renames=True,
)
SPEECH = TaskEndpoint(
    "/v1/audio/speech",
    summary="Speak a text",
    request_schema="SpeechRequest",
    response_type="audio/*",
    speaks=True,
)
TRANSCRIPTIONS = TaskEndpoint(
    "/v1/audio/transcriptions",
    summary="Write down what is said",
    request_schema="TranscriptionRequest",
    request_type="multipart/form-data",
    response_schema="TranscriptionAnswer",
    answer=b"text",
    takes_forms=True,
    reads_audio=True,
)
TRANSLATIONS = TaskEndpoint(
    "/v1/audio/translations",
    streams=False,
    summary="Write down in English what is said",
    request_schema="TranscriptionRequest",
    request_type="multipart/form-data",
    response_schema="TranscriptionAnswer",
    answer=b"text",
    takes_forms=True,
    reads_audio=True,
)
IMAGES = TaskEndpoint(
    "/v1/images/generations",
    summary="Make images from a text",
    request_schema="ImageRequest",
    response_schema="ImageAnswer",
    answer=b"data",
    makes_images=True,
)
EDITS = TaskEndpoint(
    "/v1/images/edits",
    summary="Make images from images and a text",
    request_schema="ImageEditRequest",
    request_type="multipart/form-data",
    response_schema="ImageAnswer",
    answer=b"data",
    takes_forms=True,
    makes_images=True,
)
VARIATIONS = TaskEndpoint(
    "/v1/images/variations",
    streams=False,
    summary="Make variations of an image",
    request_schema="ImageEditRequest",
    request_type="multipart/form-data",
    response_schema="ImageAnswer",
    answer=b"data",
    takes_forms=True,
    makes_images=True,
)
ENDPOINTS = (MODERATIONS, SPEECH, TRANSCRIPTIONS, TRANSLATIONS, IMAGES, EDITS, VARIATIONS, RERANK)


class TaskRequest(ModelRequest, frozen=True, kw_only=True):
    """A request for a task: of JSON, whose top-level fields are `members`, or of a `form`. `format` is the
    `response_format`; "": it names none. `events`: its stream is of events, not of bytes. `names_model`: its body has a
    model."""

    endpoint: TaskEndpoint
    members: Members
    form: Form | None = None
    format: str = ""
    events: bool = True
    names_model: bool = True

    def text(self, name: str) -> str | None:
        """The text of a field; None where it is absent or null. Raises BadRequest."""
        if self.form is not None:
            return self.form.text(name)
        raw = self.members.get(name, _NULL)
        if raw == _NULL:
            return None
        text = read_string(raw)
        if text is None:
            raise BadRequest(f"'{name}' must be a string.", param=name)
        return text


def read_request(body: bytes, endpoint: TaskEndpoint) -> TaskRequest:
    """Read and check one request. Raises BadRequest, naming the field."""
    if not body:
        raise BadRequest(f"The body is empty. Send {'a form' if endpoint.takes_forms else 'a JSON object'}.")
    if is_form(body):
        if not endpoint.takes_forms:
            raise BadRequest("The body is a form. Send a JSON object.")
        form = read_form(body, _ONCE)
        return _request(TaskRequest(endpoint=endpoint, body=body, members={}, form=form, **_PLAIN))
    if endpoint.takes_forms and body.lstrip()[:1] != b"{":
        raise BadRequest("The body is neither a form nor a JSON object. Send multipart/form-data.")
    body = without_surrogates(body)
    check_text(body)
    members = read_object(body, _ONCE)
    return _request(TaskRequest(endpoint=endpoint, body=body, members=members, **_PLAIN))


def end_user(request: TaskRequest) -> str | None:
    """What the request calls the person; None: nothing. Raises BadRequest."""
    if request.form is None:
        return named_in_members(request.members)
    found = next((name for name in PERSONAL if request.text(name)), None)
    return None if found is None else check_name(request.text(found) or "", found)


_PLAIN: dict[str, Any] = {"model": "", "stream": False, "output_cap": None, "text_bytes": 0}


def _request(read: TaskRequest) -> TaskRequest:
    endpoint, form = read.endpoint, read.form
    model = read.text("model")
    if not model and not endpoint.default_model:
        raise BadRequest("'model' is missing. Name a model; GET /v1/models lists them.", param="model")
    events, stream = _stream(read)
    units = _units(read, events=events)
    # Of a form the texts are what tokens are made of, and its files what nothing bounds.
    text_bytes = len(read.body) if form is None else sum(p.end - p.start for p in form.parts if not p.is_file)
    if endpoint is RERANK:
        text_bytes += _repeats(read.members)
    return msgspec.structs.replace(
        read,
        model=model or endpoint.default_model,
        names_model=bool(model),
        stream=stream,
        events=events,
        format=(read.text("response_format") or "") if endpoint.reads_audio else "",
        text_bytes=text_bytes,
        units=units,
        known_usage=UnitReport(0 if units.unreported else None, 0, characters=units.characters),
        **({} if form is None else {"content_type": form.content_type}),
    )


def _stream(read: TaskRequest) -> tuple[bool, bool]:
    """Whether its stream is of events, and whether it is streamed: speech always is."""
    if read.endpoint.speaks:
        wanted = read.text("stream_format") or "audio"
        if wanted not in ("audio", "sse"):
            raise BadRequest("'stream_format' must be 'audio' or 'sse'.", param="stream_format")
        return wanted == "sse", True
    return True, read.endpoint.streams and _flag(read, "stream")


def _flag(read: TaskRequest, name: str) -> bool:
    if read.form is not None:
        found = _FLAGS.get((read.form.text(name) or "").lower())
    else:
        raw = read.members.get(name, _NULL)
        found = {b"true": True, b"false": False, b"null": False}.get(bytes(raw) if len(raw) <= 5 else b"")
    if found is None:
        raise BadRequest(f"'{name}' must be true or false.", param=name)
    return found


def _units(read: TaskRequest, *, events: bool) -> Units:
    endpoint = read.endpoint
    if endpoint.speaks:
        text = read.text("input")
        if text is None:
            raise BadRequest("'input' is missing. Send the text to speak.", param="input")
        if events:
            return Units(characters=len(text), open_ended="the speech in events", open_output=True)
        return Units(characters=len(text), unreported=True)
    if endpoint.makes_images:
        has_files = read.form is not None or endpoint is EDITS
        what = "the tokens of an image"
        return Units(images=_count(read), open_ended=what, open_input=has_files, open_output=True)
    if endpoint.reads_audio:
        return Units(open_ended="the length of the audio", open_input=True, open_output=True, open_audio=True)
    return Units()


def _count(read: TaskRequest) -> int:
    """How many images it asks for."""
    if read.form is not None:
        text = read.form.text("n") or "1"
        number = int(text) if _NUMBER.fullmatch(text) else 0
    else:
        raw = read.members.get("n", _NULL)
        try:
            number = 1 if raw == _NULL else msgspec.json.decode(raw, type=int) if len(raw) < 12 else 0
        except msgspec.DecodeError:
            number = 0
    if not 1 <= number <= _MAX_IMAGES:
        raise BadRequest(f"'n' must be an integer from 1 to {_MAX_IMAGES}.", param="n")
    return number


def _repeats(members: Members) -> int:
    """Bytes by which the query is read again, once with each document."""
    query, documents = members.get("query", _NULL), members.get("documents", _NULL)
    if not begins(documents, b"["):
        raise BadRequest("'documents' must be an array. Send the documents to order.", param="documents")
    return (len(query) + _BESIDE_DOCUMENT) * len(read_items(documents, "documents"))


_BESIDE_DOCUMENT = 8
"""Tokens that a reranker puts around a pair of query and document, at most."""
