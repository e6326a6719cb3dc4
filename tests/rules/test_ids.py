"""Request ids sort by their time, and a span of time is a range of ids."""

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.ids import ENTROPY_BYTES, made_at, request_id, request_id_floor, request_id_of, response_id

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
