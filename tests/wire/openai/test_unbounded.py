"""What is plain at one glance must be just as plain to the closer look; `tests/gateway/test_bounds.py` has the rest."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.wire.openai import unbounded
from tollkeeper.wire.openai.request import CHAT, read_request
from tollkeeper.wire.openai.unbounded import external_input_field

values: st.SearchStrategy[object] = st.none() | st.text(max_size=3) | st.integers(-1, 1) | st.just([]) | st.just({})
kinds = st.sampled_from(["text", "image_url", "file", "video_url", "", None])
parts = st.dictionaries(st.sampled_from(["type", "text", "file", "video_url"]), kinds | values, max_size=3)
contents = values | st.lists(parts | values, max_size=2)
messages = st.dictionaries(
    st.sampled_from(["role", "content", "name", "images", "files", "tool_calls"]), contents, max_size=3
)
plain = st.fixed_dictionaries({"role": st.text(max_size=3), "content": st.text(max_size=3)})
bodies = st.fixed_dictionaries(
    {"messages": st.lists(messages | plain, max_size=3) | values},
    optional=dict.fromkeys(("plugins", "conversation", "tools", "options", "top_k", "files", "prompt"), values),
)


def found(body, *, reads_all):
    """What brings input from elsewhere, or what is said of a body that cannot be read."""
    try:
        return external_input_field(
            read_request(msgspec.json.encode({"model": "tiny", **body}), CHAT),
            OPENAI_COMPATIBLE if reads_all else OLLAMA,
        )
    except BadRequest as error:
        return error.message


@given(bodies, st.booleans())
@example({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, True)
@example({"messages": [{"role": "user", "content": [{"type": "video_url", "text": "a"}]}]}, True)
@example({"messages": [{"role": "user", "content": "a", "files": "b"}]}, True)
@example({"messages": [], "tools": [{"type": "web_search"}]}, True)
@example({"messages": [], "options": {"num_ctx": 1}}, True)
def test_the_glance_lets_nothing_through_that_the_closer_look_finds(body, reads_all):
    glance = found(body, reads_all=reads_all)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unbounded, "_is_plain", lambda _: False)
        assert glance == found(body, reads_all=reads_all)


def test_texts_alone_need_no_closer_look(monkeypatch):
    monkeypatch.setattr(unbounded, "_external_in_messages", None)
    parts = [{"type": "text", "text": "a"}]
    body = {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": parts}], "top_k": 5}
    assert found(body, reads_all=True) is None
