"""The fields of a body, from options, files and standard input. Secrets come from the last two only: every list of
processes shows the options."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from msgspec import MsgspecError, json

from tollkeeper.cli.failure import Failure

STANDARD_INPUT = "-"


def fields_of(named: Mapping[str, object], others: Sequence[str], *, secret: Collection[str] = ()) -> dict[str, Any]:
    """The options that were given (not None), and `FIELD=JSON` or `FIELD=@FILE`. Those in `secret` may be null or come
    from a file. Raises BadParameter, and Failure for a file."""
    fields = {name: value for name, value in named.items() if value is not None}
    for given in others:
        name, equals, value = given.partition("=")
        if not (name and equals):
            raise _wrong("must be FIELD=JSON or FIELD=@FILE")
        if value.startswith("@"):
            try:
                fields[name] = json.decode(read_text(value[1:]))
            except MsgspecError:
                raise Failure(f"{_called(value[1:])}, for '{name}', is not JSON") from None
            continue
        if name in secret and value != "null":
            raise _wrong(f"'{name}' is secret, and others would see it here: give it in a file, {name}=@FILE")
        try:
            fields[name] = json.decode(value)
        except MsgspecError:
            raise _wrong(f"the value of '{name}' must be JSON, with text in double quotes") from None
    return fields


def read_secret(file: str) -> str:
    """The secret in a file, without the line breaks at its end. Raises Failure."""
    secret = read_text(file).rstrip("\r\n")
    if not secret:
        raise Failure(f"{_called(file)} holds no secret: it is empty")
    return secret


def read_text(file: str) -> str:
    """Raises Failure for a file that cannot be read."""
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return content.decode()
    except OSError as error:
        raise Failure(f"{_called(file)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Failure(f"{_called(file)} cannot be read: it is not UTF-8") from None


def _called(file: str) -> str:
    return "standard input" if file == STANDARD_INPUT else file


def _wrong(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="--set")
