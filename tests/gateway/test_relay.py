"""The relay, played by the book: what happens on one side, and what is done on the other."""

from __future__ import annotations

from tests.gateway.playbook import (
    LAG,
    Playbook,
    at_once,
    client_drained,
    client_is_full,
    client_leaves,
    counted,
    full_with_the_next,
    held,
    key_revoked,
    only_what_is_needed,
    record_durable,
    unparsed,
    unread,
    upstream,
    upstream_closes,
    upstream_falls_silent,
)
from tests.shapes import STREAM_HEAD, chat_answer, chat_chunks, chunked, head, json_response, ollama_error, sse

ONE, TWO, THREE, FINISH, DONE = (
    chunked(event, end=False) for event in sse(*chat_chunks(["one", "two", "three"], include_usage=False))
)
END = b"0\r\n\r\n"


async def test_a_whole_answer_goes_out_once_its_record_is_durable() -> None:
    await Playbook(stream=False).plays(
        upstream(json_response(chat_answer("hello"))),
        "settled as completed",
        record_durable,
        "client gets 200",
        "client gets hello",
    )


async def test_a_whole_answer_is_settled_though_its_client_left() -> None:
    await Playbook(stream=False).plays(
        upstream(json_response(chat_answer("hello"))),
        "settled as completed",
        client_leaves,
    )


async def test_a_whole_answer_that_breaks_off() -> None:
    await Playbook(stream=False).plays(
        upstream(json_response(chat_answer("hello"))[:-9]),
        upstream_closes,
        "settled as failed",
        "client gets 502",
        "client gets error upstream_unavailable",
    )


async def test_an_upstream_that_refuses() -> None:
    await Playbook(stream=False).plays(
        upstream(ollama_error(400, "no")),
        "settled as failed",
        "client gets 400",
        "client gets error None",
    )


async def test_events_go_out_as_they_come_and_the_end_waits_for_the_record() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD),
        upstream(ONE),
        "client gets 200",
        "client gets one",
        only_what_is_needed,
        upstream(TWO[:10]),
        upstream(TWO[10:]),
        "client gets two",
        upstream(FINISH, DONE, END),
        "client gets stop",
        "settled as completed",
        record_durable,
        "client gets [DONE]",
        "client gets the end",
    )


async def test_events_that_differ_only_in_their_text_go_around_the_parser_and_count_alike() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        unparsed(TWO),
        "client gets two",
        unparsed(THREE),
        "client gets three",
        upstream(TWO[:10]),
        unread,
        upstream(TWO[10:]),
        "client gets two",
        unparsed(THREE),
        "client gets three",
        upstream(TWO + THREE),  # in one piece, and so in one write
        "client gets two",
        "client gets three",
        counted(7),
        upstream(FINISH, DONE, END),
        "client gets stop",
        "settled as completed",
        record_durable,
        "client gets [DONE]",
        "client gets the end",
    )


async def test_an_event_in_two_chunks_is_not_overtaken() -> None:
    event = sse(*chat_chunks(["two"], include_usage=False))[0]
    halves = (chunked(half, end=False) for half in (event[:40], event[40:]))
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        upstream(next(halves)),
        unread,
        upstream(TWO),  # inside of an event, so this is none
        "upstream aborted",
        "settled as failed",
        "client gets error upstream_error",
        "client gets the end",
    )


async def test_around_the_parser_a_slow_client_holds_the_upstream_back_too() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        unparsed(TWO),
        "client gets two",
        client_is_full,
        upstream(THREE),
        unread,
        client_drained,
        "client gets three",
        unparsed(TWO),
        "client gets two",
        full_with_the_next,
        unparsed(THREE),
        "client gets three",
        upstream(TWO, FINISH, DONE, END),
        client_drained,
        "client gets two",
        "client gets stop",
        "settled as completed",
        record_durable,
        "client gets [DONE]",
        "client gets the end",
    )


async def test_what_a_client_lags_behind_counts_as_memory_until_it_is_written() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        full_with_the_next,
        upstream(TWO + THREE),
        "client gets two",
        "client gets three",
        held(LAG),
        client_drained,
        held(0),
        unparsed(TWO),
        "client gets two",
        held(0),
        upstream(FINISH, DONE, END),
        "client gets stop",
        "settled as completed",
        record_durable,
        "client gets [DONE]",
        "client gets the end",
    )


async def test_around_the_parser_nothing_is_written_to_a_client_that_has_left() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        unparsed(TWO),
        "client gets two",
        at_once(client_leaves, upstream(THREE)),
        "upstream aborted",
        "settled as cancelled",
    )


async def test_a_stream_that_breaks_off_says_so_in_its_last_event() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        upstream_closes,
        "settled as failed",
        "client gets error upstream_unavailable",
        "client gets the end",
    )


async def test_a_stream_that_ends_without_its_last_event_is_not_whole() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE, END),
        "client gets 200",
        "client gets one",
        "settled as failed",
        "client gets error upstream_unavailable",
        "client gets the end",
    )


async def test_an_upstream_that_falls_silent() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        upstream_falls_silent,
        "settled as failed",
        "client gets error upstream_timeout",
        "client gets the end",
    )


async def test_an_event_that_is_too_large() -> None:
    await Playbook(stream=True, max_event=1000).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        upstream(chunked(b"data: " + b"x" * 1001, end=False)),
        "upstream aborted",
        "settled as failed",
        "client gets error upstream_error",
        "client gets the end",
    )


async def test_a_slow_client_holds_the_upstream_back() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        client_is_full,
        upstream(TWO, FINISH),
        upstream(DONE, END),
        client_drained,
        "client gets two",
        "client gets stop",
        "settled as completed",
        record_durable,
        "client gets [DONE]",
        "client gets the end",
    )


async def test_a_client_that_leaves_cancels_its_stream() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        client_leaves,
        "upstream aborted",
        "settled as cancelled",
    )


async def test_a_client_that_leaves_after_the_finish_reason_has_had_its_answer() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE, FINISH),
        "client gets 200",
        "client gets one",
        "client gets stop",
        client_leaves,
        upstream(DONE, END),
        "settled as completed",
        record_durable,
    )


async def test_around_the_parser_nothing_is_written_while_a_stream_is_read_on_without_its_client() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE, FINISH),
        "client gets 200",
        "client gets one",
        "client gets stop",
        client_leaves,
        upstream(TWO, DONE, END),
        "settled as completed",
        record_durable,
    )


async def test_a_slow_client_that_leaves() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        client_is_full,
        upstream(TWO),
        client_leaves,
        "upstream aborted",
        "settled as cancelled",
    )


async def test_a_key_that_is_revoked_cuts_its_stream() -> None:
    await Playbook(stream=True).plays(
        upstream(STREAM_HEAD, ONE),
        "client gets 200",
        "client gets one",
        key_revoked,
        "upstream aborted",
        "settled as cancelled",
        "client gets error forbidden",
        "client gets the end",
    )


async def test_a_key_that_is_revoked_before_anything_came() -> None:
    await Playbook(stream=True).plays(
        key_revoked,
        "upstream aborted",
        "settled as cancelled",
        "client gets 403",
        "client gets error forbidden",
    )


async def test_what_is_no_stream() -> None:
    await Playbook(stream=True).plays(
        upstream(head(200, "Content-Type: text/html", "Content-Length: 6") + b"<html>"),
        "settled as failed",
        "client gets 502",
        "client gets error upstream_unavailable",
    )
