"""The report as an HTML page."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.cli.load.reports import NASTY, report
from tollkeeper.cli.load.page import page


def test_names_are_escaped() -> None:
    text = page(report(model=NASTY, url=f"http://x/{NASTY}"))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;&amp;&quot;&#x27;)&lt;/script&gt;" in text


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_self_contained() -> None:
    text = page(report())
    elements = Elements()
    elements.feed(text)
    assert elements.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(elements.names)
    assert not {"src", "href", "srcset"} & {name for name, _ in elements.attributes}
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
