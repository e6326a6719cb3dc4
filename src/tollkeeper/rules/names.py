"""Canonical model names: one spelling for each model, which limits, prices and allow-lists use.

Ollama reads names in any case, with or without `library/` and the tag `:latest` (its `types/model/name.go`); the
canonical spelling is that of its `/api/tags`, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tollkeeper.rules.kinds import Kind

MAX_NAME = 256
"""Characters of the longest name."""


def is_cloud(name: str, kind: Kind) -> bool:
    """Whether an upstream of this kind runs this model on someone else's machines, on its owner's account."""
    return name.endswith(kind.cloud_suffixes)


def alias_key(name: str) -> str:
    """The key of `name` in a table of aliases, the same for all spellings: without `library/` and `:latest`."""
    return canonical_spelling(name).removesuffix(":latest")


def spellings(models: Iterable[tuple[str, Kind]]) -> dict[str, str]:
    """Map of every lower-case spelling of these models to the canonical name.

    `models` are canonical names, each with the kind of an upstream that has it. A model's own name wins over a spelling
    of another model; of two models that share a spelling, the first wins.
    """
    named = list(models)
    found = {name: name for name, _ in named}
    for name, kind in named:
        short = name.removesuffix(kind.default_tag)
        for spelling in (short, kind.name_prefix + name, kind.name_prefix + short):
            found.setdefault(spelling, name)
    return found


class Entry(NamedTuple):
    """One of the models that a name stands for: its canonical name, and the one upstream it is requested of; None:
    any."""

    model: str
    upstream: str | None = None


def resolve(
    name: str, known: Mapping[str, str], aliases: Mapping[str, Sequence[str]], upstreams: Iterable[str] = ()
) -> list[Entry]:
    """The models that `name` stands for, in the order in which they are tried; empty where none is known.

    `known` are `spellings`; `aliases`: keys by `alias_key` → names, in order; `upstreams` are ids. An alias wins over a
    model of the same name, is followed once, and may use any spelling of its models. `name@upstream` requests a model,
    or those of an alias, of one upstream; where the whole is a name itself, it is that.
    """
    if len(name) > MAX_NAME:
        return []
    ids = {upstream.lower(): upstream for upstream in upstreams}
    base, upstream = name, None
    if alias_key(name) not in aliases and name.lower() not in known:
        base, upstream = _split(name, ids)
    entries = []
    for each in aliases.get(alias_key(base), (base,)):
        model, its_upstream = known.get(each.lower()), upstream
        if model is None:
            plain, its_upstream = _split(each, ids)
            model = known.get(plain.lower())
        if model is not None and (upstream is None or its_upstream == upstream):
            entries.append(Entry(model, its_upstream))
    return list(dict.fromkeys(entries))


def _split(name: str, ids: Mapping[str, str]) -> tuple[str, str | None]:
    """A name without the upstream that it ends with, and that upstream's id; the whole, and None, where it names
    none."""
    plain, _, upstream = name.rpartition("@")
    found = ids.get(upstream.lower()) if plain else None
    return (name, None) if found is None else (plain, found)


def canonical_spelling(name: str) -> str:
    """A name in canonical spelling, whatever upstream it is meant for; a tag that is not given stays so."""
    return name.lower().removeprefix("library/")
