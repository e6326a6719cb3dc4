"""Request ids sort by their time, and a span of time is a range of ids."""

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.ids import (
    ENTROPY_BYTES,
    beginning_of,
    is_within_moment,
    made_at,
    moments_of,
    request_id,
    request_id_floor,
    request_id_of,
    response_id,
)

MOMENTS = st.integers(0, 2**48 - 1)
ENTROPY = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)


def test_what_it_looks_like():
    assert request_id(0x19C, bytes(range(8))) == "req_00000000019c0001020304050607"


@given(MOMENTS, MOMENTS, ENTROPY, ENTROPY)
def test_ids_sort_by_their_time(one, other, some, more):
    if one < other:
        assert request_id(one, some) < request_id(other, more)


@given(MOMENTS, MOMENTS, ENTROPY)
def test_the_floor_parts_what_came_before_from_what_came_after(at, made, entropy):
    assert (request_id(made, entropy) >= request_id_floor(at)) is (made >= at)


@given(MOMENTS, ENTROPY)
def test_an_id_says_when_it_was_made(made, entropy):
    assert made_at(request_id(made, entropy)) == made


def test_an_answer_carries_the_digits_of_its_request():
    assert response_id("chatcmpl-", "req_00ff") == "chatcmpl-00ff"


@given(MOMENTS, ENTROPY, st.sampled_from(["chatcmpl-", "cmpl-", "msg_", "resp_"]))
def test_an_answers_id_leads_back_to_its_request(made, entropy, prefix):
    given_id = request_id(made, entropy)
    assert request_id_of(response_id(prefix, given_id)) == request_id_of(given_id) == given_id


def test_other_texts_lead_nowhere():
    for text in ("chatcmpl-00ff", "", "req_", "chatcmpl-" + "0" * 29, "chatcmpl-" + "G" * 28, "0" * 28):
        assert request_id_of(text) == text


@given(MOMENTS, MOMENTS, ENTROPY, st.integers(0, 32))
def test_the_beginning_of_an_id_is_a_span_of_time(made, other, entropy, length):
    beginning = request_id(made, entropy)[:length]
    since, until = moments_of(beginning)
    assert since <= made < until
    assert (since, until - since == 1) == (made, True) if is_within_moment(beginning) else True
    if not is_within_moment(beginning):
        assert (since <= other < until) is request_id(other, entropy).startswith(beginning)


def test_what_no_id_begins_with_is_no_time():
    for text in ("x", "req-", "req_g", "req_A", request_id(1, bytes(8)) + "0", " req_"):
        assert moments_of(text) == (0, 0)


def test_the_beginning_of_an_id_as_people_give_it():
    whole = request_id(0x19C, bytes(range(8)))
    for text in (whole, f" {whole.upper()}\n", whole[4:], response_id("chatcmpl-", whole), response_id("msg_", whole)):
        assert beginning_of(text) == whole
    assert beginning_of("019c") == "req_019c"
    assert beginning_of("req_019C") == "req_019c"
    assert beginning_of("nothing") == "nothing"
