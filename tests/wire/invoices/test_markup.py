from __future__ import annotations

from tollkeeper.wire.invoices.markup import Markup, element, join, multiline


def test_texts_are_escaped_and_markup_is_not() -> None:
    evil = "<script>alert('1')</script> & \"quotes\""
    inner = element("b", evil)
    assert inner == "<b>&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt; &amp; &quot;quotes&quot;</b>"
    assert element("p", inner, None, "x") == f"<p>{inner}x</p>"


def test_attributes_are_escaped_and_named_as_in_html() -> None:
    assert element("td", class_='a"b', data_state="<") == '<td class="a&quot;b" data-state="&lt;"></td>'


def test_some_elements_have_no_end() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_lines_of_an_address_stay_lines() -> None:
    assert multiline("1 <Road>\nBath") == "1 &lt;Road&gt;<br>Bath"
    assert join([Markup("<i></i>"), multiline("a")]) == "<i></i>a"
