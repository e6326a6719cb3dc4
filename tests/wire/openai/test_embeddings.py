import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shapes import embeddings_answer
from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.wire.openai.embeddings import as_base64

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def vectors(answer):
    data = [base64.b64decode(item["embedding"], validate=True) for item in json.loads(answer)["data"]]
    return [list(struct.unpack(f"<{len(item) // 4}f", item)) for item in data]


@given(st.lists(st.lists(floats, max_size=40), max_size=4), st.sampled_from([None, 2]))
def test_each_list_of_numbers_becomes_base64_and_nothing_else_moves(given_, indent):
    answer = embeddings_answer(len(given_))
    for item, vector in zip(answer["data"], given_, strict=True):
        item["embedding"] = vector
    text = json.dumps(answer, indent=indent).encode()
    changed = as_base64(text)
    assert vectors(changed) == given_
    back = json.loads(changed)
    for item, vector in zip(back["data"], given_, strict=True):
        item["embedding"] = vector
    assert back == answer


def test_long_vectors_are_read_in_slices():
    vector = [n / 8 for n in range(60_000)]
    answer = embeddings_answer(1)
    answer["data"][0]["embedding"] = vector
    assert vectors(as_base64(json.dumps(answer).encode())) == [vector]


@pytest.mark.parametrize("data", [[], [{"object": "embedding", "embedding": "AAAA"}], [5], "x", None])
def test_what_is_no_list_of_numbers_stays(data):
    text = json.dumps({"object": "list", "data": data}).encode()
    assert as_base64(text) == text


@pytest.mark.parametrize("vector", [["x"], [None], [[1.0]], [{}], ["1" * 100_000]])
def test_what_are_no_numbers_is_the_upstreams_fault(vector):
    with pytest.raises(UpstreamUnavailable):
        as_base64(json.dumps({"data": [{"embedding": vector}]}).encode())
