"""Items of output, before any piece and with all of them."""

from __future__ import annotations

from tollkeeper.wire.translate.responses.items import Call, CustomCall, Message, Reasoning
from tollkeeper.wire.translate.responses.thoughts import unseal


def test_a_message() -> None:
    message = Message(0, "0a")
    head = {"id": "msg_0a_0", "type": "message", "role": "assistant"}
    assert message.begun() == head | {"status": "in_progress", "content": []}
    message.parts += [(False, ["a", "b"]), (True, ["no"])]
    message.status = "incomplete"
    text = {"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}
    assert message.whole() == head | {"status": "incomplete", "content": [text, {"type": "refusal", "refusal": "no"}]}


def test_reasoning_for_who_wants_it_sealed_and_for_others() -> None:
    plain, sealed = Reasoning(1, "0a", sealed=False), Reasoning(1, "0a", sealed=True)
    assert plain.begun() == {"id": "rs_0a_1", "type": "reasoning", "summary": []}
    assert sealed.begun() == plain.begun() | {"encrypted_content": None}
    for item in (plain, sealed):
        item.pieces += ["h", "m"]
        item.signature = "sig"
    assert plain.whole() == plain.begun() | {"summary": [{"type": "summary_text", "text": "hm"}]}
    thought = unseal(sealed.whole()["encrypted_content"])
    assert thought is not None
    assert (thought.text, thought.signature) == ("hm", "sig")


def test_calls() -> None:
    call = Call(2, "0a", "c", "mcp", "f")
    call.pieces += ['{"a"', ":1}"]
    assert call.whole() == {
        "id": "fc_0a_2",
        "type": "function_call",
        "status": "completed",
        "call_id": "c",
        "name": "f",
        "arguments": '{"a":1}',
        "namespace": "mcp",
    }
    assert call.begun() == call.whole() | {"status": "in_progress", "arguments": ""}
    custom = CustomCall(3, "0a", "c", None, "p")
    custom.pieces.append('{"input":"x\\ny"}')
    assert custom.whole() == {
        "id": "ctc_0a_3",
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "c",
        "name": "p",
        "input": "x\ny",
    }
