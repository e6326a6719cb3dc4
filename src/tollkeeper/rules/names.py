"""Canonical model names: one spelling for each model before any limit, price or allow-list looks at it.

Ollama reads names whatever their case, with or without `library/` and the tag `:latest` (its `types/model/name.go`);
its `/api/tags` spelling in lower case is the canonical one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

MAX_NAME = 256
"""Characters of a name that can be known."""


def is_cloud(name: str) -> bool:
    """Whether Ollama would run this model on someone else's machines, in the owner's name."""
    return name.endswith((":cloud", "-cloud"))


def alias_key(name: str) -> str:
    """What `name` is called in a table of aliases, however it is spelt: without `library/` and `:latest`."""
    return spelled(name).removesuffix(":latest")


def canonical(name: str, known: Container[str], aliases: Mapping[str, str]) -> str | None:
    """The canonical name that `name` asks for, or None when it is not known.

    `known` holds canonical names, `aliases` keys by `alias_key` → names. An alias wins over a model of the same name,
    is followed once, and may itself name a model loosely.
    """
    if len(name) > MAX_NAME:
        return None
    plain = spelled(aliases.get(alias_key(name), name))
    if plain in known:
        return plain
    tagged = plain + ":latest"
    if ":" not in plain.rpartition("/")[2] and tagged in known:
        return tagged
    return None


def spelled(name: str) -> str:
    """A name in canonical spelling; a tag that is not given stays so."""
    return name.lower().removeprefix("library/")
