"""ASGI applications behind this server."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.gateway.http.served import HEAD, LAST, LAST_HEAD, Answer, Served, contents, get, until
from tollkeeper.gateway.http.asgi import App, serve_asgi
from tollkeeper.gateway.http.exchange import Exchange


def app_of(*messages: dict[str, Any]) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def starts(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": list(headers)}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


def asgi(app: App) -> Answer:
    return lambda exchange: serve_asgi(app, exchange, exchange.peer)


async def test_an_app_answers_by_its_length_or_in_chunks():
    told = app_of(starts((b"Content-Length", b"4"), (b"x-a", b"b\tc")), body(b"ab", more=True), body(b"cd"))
    async with Served(asgi(told)).open() as served:
        answers = await served.told(get(), LAST)
    assert contents(answers) == [b"abcd", b"abcd"]
    assert b"\r\nx-a: b\tc\r\n" in answers
    async with Served(asgi(app_of(starts(), body(b"ab", more=True), body(b"cd")))).open() as served:
        answers = await served.told(get(), LAST)
    assert answers.count(b"\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n") == 2


@pytest.mark.parametrize("content", [b"", b"abc", b"abcde"])
async def test_an_answer_that_is_not_of_its_length_ends_its_connection(content, caplog):
    caplog.set_level(logging.ERROR)
    app = app_of(starts((b"content-length", b"4")), body(content))
    async with Served(asgi(app)).open() as served:
        told = await served.told(get("/wrong"), get("/second"))
    assert told.count(b"HTTP/1.1 ") == 1
    assert told.endswith(b"\r\n\r\n" + content[:4])
    assert "GET /wrong did not match its content-length" in caplog.text


async def test_the_answer_of_an_app_to_head_is_of_its_length():
    app = app_of(starts((b"content-length", b"4")), body(b""))
    async with Served(asgi(app)).open() as served:
        told = await served.told(HEAD, LAST_HEAD)
    assert told.count(b"HTTP/1.1 200 OK\r\n") == told.count(b"content-length: 4\r\n") == 2


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b", b"a\x7fb"])
async def test_no_value_of_a_header_writes_another(value):
    refused = []

    async def answer(exchange: Exchange) -> None:
        try:
            await serve_asgi(app_of(starts((b"x-a", value)), body(b"")), exchange, exchange.peer)
        except ValueError as error:
            refused.append(str(error))
            await exchange.respond(500, [], b"")

    async with Served(answer).open() as served:
        told = await served.told(LAST)
    assert refused == ["a control character in the header b'x-a'"]
    assert told.startswith(b"HTTP/1.1 500 ")
    assert told.count(b"HTTP/1.1 ") == 1


async def test_an_app_reads_the_body_and_hears_that_the_client_left():
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.extend([await receive(), await receive()])

    async with Served(asgi(app)).open() as served:
        async with served.client(get("/", "Content-Length: 2", method="POST"), b"hi"):
            await until(lambda: heard or (served.exchanges and served.exchanges[0].body._waiter is not None))
        await until(lambda: heard)
    assert heard == [{"type": "http.request", "body": b"hi", "more_body": False}, {"type": "http.disconnect"}]
