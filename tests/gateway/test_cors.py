"""What pages of a named origin are let read and send."""

import re
from pathlib import Path

from tollkeeper.gateway.cors import EXPOSED, cors_headers

DOCUMENT = Path(__file__).parents[2] / "docs/api.md"


def test_an_answer_names_its_origin_and_varies_by_it():
    told = dict(cors_headers(b"https://a.example", {b"origin": b"https://a.example"}))
    assert told == {
        b"access-control-allow-origin": b"https://a.example",
        b"access-control-expose-headers": ", ".join(EXPOSED).encode(),
        b"vary": b"origin",
    }


def test_before_a_request_its_method_and_the_headers_that_it_asks_for_are_allowed():
    asked = {b"access-control-request-method": b"POST", b"access-control-request-headers": b"x-mine, authorization"}
    told = dict(cors_headers(b"https://a.example", asked))
    assert b"POST" in told[b"access-control-allow-methods"].split(b", ")
    assert told[b"access-control-allow-headers"] == b"x-mine, authorization"


def test_a_browser_that_asks_for_no_headers_may_send_its_key():
    told = dict(cors_headers(b"https://a.example", {b"access-control-request-method": b"GET"}))
    assert told[b"access-control-allow-headers"] == b"authorization"


def test_every_rate_limit_header_of_the_document_can_be_read():
    assert set(re.findall(r"`(x-ratelimit-[a-z-]+)`", DOCUMENT.read_text())) <= set(EXPOSED)
