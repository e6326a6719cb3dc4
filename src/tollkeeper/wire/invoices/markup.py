"""Elements of HTML. Whatever is not markup already is text, and is escaped: nothing can be forgotten."""

from __future__ import annotations

from html import escape

VOID = frozenset({"meta", "br"})
"""Elements without content, which have no end tag."""


class Markup(str):
    """HTML that is complete, and is not escaped again."""

    __slots__ = ()


Content = str | None
"""Markup, a text, or None for nothing."""


def element(tag: str, /, *content: Content, **attributes: str) -> Markup:
    """An element. A trailing underscore of an attribute's name is cut off (`class_`); others become hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"' for key, value in attributes.items()
    )
    if tag in VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(content)}</{tag}>")


def join(content: tuple[Content, ...] | list[Markup]) -> Markup:
    """Several contents, one after the other."""
    return Markup("".join(_written(each) for each in content if each is not None))


def multiline(text: str) -> Markup:
    """A text whose line breaks stay."""
    return Markup("<br>".join(escape(line) for line in text.splitlines()))


def _written(content: str) -> str:
    return content if isinstance(content, Markup) else escape(content)
