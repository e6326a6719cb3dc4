"""What becomes of each field that is known."""

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import ANTHROPIC, OPENAI
from tollkeeper.wire.ollama.request import CHAT, GENERATE, read_request
from tollkeeper.wire.translate.ollama.fates import FATES, check_supported

PATHS = ["/v1/chat/completions", "/v1/messages"]
REFUSED = {
    "logprobs": True, "top_logprobs": 5, "context": [1], "raw": True, "suffix": "x", "template": "{{ .Prompt }}",
}  # fmt: skip


@pytest.mark.parametrize("endpoint", [CHAT, GENERATE])
@pytest.mark.parametrize("path", PATHS)
def test_every_known_field_has_one(endpoint, path):
    assert set(FATES[endpoint.path][path]) == endpoint.known


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_change_the_meaning_is_refused_where_it_asks_for_something(path, name):
    for endpoint in (CHAT, GENERATE):
        for value, is_refused in ((REFUSED[name], name in endpoint.known), (None, False), ([], False), (False, False)):
            request = read_request(body(messages=SAY, prompt="hi", **{name: value}), endpoint)
            if not is_refused:
                check_supported(request, path, OPENAI)
                continue
            with pytest.raises(UnsupportedByUpstream) as refused:
                check_supported(request, path, ANTHROPIC)
            assert refused.value.param == name
            assert "works only for models that an Ollama runs" in refused.value.message


def test_the_rest_passes():
    fields = {"keep_alive": 5, "think": True, "format": "json", "options": {"num_gpu": 1}, "tools": [], "unknown": 7}
    check_supported(read_request(body(messages=SAY, **fields), CHAT), "/v1/messages", ANTHROPIC)
