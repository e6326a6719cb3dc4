"""Fields of long responses, which are read in slices, are those of short ones."""

from __future__ import annotations

import json

import pytest

from tests.wire.translate.chat.answers import ANSWERS, Answer
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.translate.chat.read_output import read_output
from tollkeeper.wire.translate.chat.response_fields import read_whole_response

FILL = '"padding": "' + "p" * LARGE + '", '


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("beside", ['{"id"', '{"index"'])
def test_a_long_response_is_read_as_a_short_one(answer: Answer, beside: str) -> None:
    text = answer.whole().decode().replace(beside, "{" + FILL + beside[1:], 1).encode()
    assert len(text) > LARGE
    assert read_output(text) == answer.output


def test_long_texts_are_whole() -> None:
    long = 'é\\"🙂\n' * 50_000
    message = {"content": long, "reasoning": long, "tool_calls": [{"function": {"name": "f", "arguments": long}}]}
    whole = read_whole_response(json.dumps({"choices": [{"message": message}]}).encode())
    assert whole.choices is not None
    [choice] = whole.choices
    assert choice.message is not None
    assert (choice.message.content, choice.message.thought) == (long, long)
    [call] = choice.message.calls
    assert call.function is not None
    assert call.function.arguments == long


def test_half_of_a_pair_breaks_no_long_response() -> None:
    text = b'{"choices":[{"message":{"content":"' + b"a" * LARGE + b'\\ud83d"}}]}'
    whole = read_whole_response(text)
    assert whole.choices is not None
    message = whole.choices[0].message
    assert message is not None
    assert message.content == "a" * LARGE + "\ufffd"


@pytest.mark.parametrize("end", [b"", b"]", b'"}}]', b'"}}]} x'])
def test_a_long_response_that_is_cut_is_a_failure(end: bytes) -> None:
    with pytest.raises(UpstreamFailure):
        read_whole_response(b'{"choices":[{"message":{"content":"' + b"a" * LARGE + end)


@pytest.mark.parametrize(
    "choices", ["[]", "[5]", "[{}]", '[{"message":5}]', '[{"message":{"content":7,"tool_calls":5}}]']
)
def test_a_long_response_of_another_shape_is_as_empty_as_a_short_one(choices: str) -> None:
    texts = ("{" + fill + f'"choices":{choices}' + "}" for fill in ("", FILL))
    small, large = (read_output(text.encode()) for text in texts)
    assert small == large
