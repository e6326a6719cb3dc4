import pytest

from tollkeeper.rules.ids import request_id, request_id_floor, response_id
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE
from tollkeeper.rules.names import MAX_NAME, Entry, alias_key, is_cloud, resolve, spellings


def known(*names, kind=OLLAMA):
    return spellings((name, kind) for name in names)


KNOWN = known("tiny:latest", "llama3.2:1b", "hf.co/someone/model:q4", "host:5000/team/m:latest")
ALIASES = {"llama3.2": ["llama3.2:1b"], "gpt-4o-mini": ["TINY"], "loop": ["loop2"], "loop2": ["loop"]}


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("tiny", "tiny:latest"),
        ("tiny:latest", "tiny:latest"),
        ("TINY", "tiny:latest"),
        ("library/tiny", "tiny:latest"),
        ("Library/Tiny:Latest", "tiny:latest"),
        ("llama3.2", "llama3.2:1b"),
        ("llama3.2:latest", "llama3.2:1b"),
        ("library/LLAMA3.2:Latest", "llama3.2:1b"),
        ("gpt-4o-mini", "tiny:latest"),
        ("hf.co/Someone/Model:Q4", "hf.co/someone/model:q4"),
        ("host:5000/team/m", "host:5000/team/m:latest"),
        ("llama3.2:3b", None),
        ("loop", None),
        ("", None),
        (" tiny", None),
        ("tiny ", None),
        ("tiny\n", None),
        ("library/ tiny", None),
    ],
)
def test_every_spelling_leads_to_one_name(asked, name):
    assert resolve(asked, KNOWN, ALIASES) == ([] if name is None else [Entry(name)])


@pytest.mark.parametrize("alias", ["gpt", "GPT", "library/gpt", "gpt:latest", "Library/Gpt:Latest"])
@pytest.mark.parametrize("asked", ["gpt", "Gpt", "library/gpt", "gpt:latest", "LIBRARY/gpt:LATEST"])
def test_an_alias_counts_in_every_spelling(alias, asked):
    assert resolve(asked, KNOWN, {alias_key(alias): ["tiny"]}) == [Entry("tiny:latest")]
    assert resolve("gpt:v1", KNOWN, {alias_key(alias): ["tiny"]}) == []


@pytest.mark.parametrize(
    ("asked", "entries"),
    [
        ("best", [Entry("llama3.2:1b", "here"), Entry("tiny:latest")]),
        ("BEST@There", [Entry("tiny:latest", "There")]),
        ("best@here", [Entry("llama3.2:1b", "here"), Entry("tiny:latest", "here")]),
        ("tiny@here", [Entry("tiny:latest", "here")]),
        ("tiny@elsewhere", []),
        ("@here", []),
        ("odd@here", [Entry("odd@here")]),
        ("odd@here@There", [Entry("odd@here", "There")]),
    ],
)
def test_a_name_may_stand_for_several_models_and_ask_for_one_upstream(asked, entries):
    aliases = {"best": ["llama3.2:1b@HERE", "tiny", "gone", "Tiny"]}
    known = KNOWN | {"odd@here": "odd@here"}
    assert resolve(asked, known, aliases, ["here", "There"]) == entries


def test_a_name_that_is_too_long_is_never_known():
    longest, longer = "a" * MAX_NAME, "a" * (MAX_NAME + 1)
    assert resolve(longest, known(longest), {}) == [Entry(longest)]
    assert resolve(longer, known(longer), {}) == []
    assert resolve(longer, known("tiny"), {longer: ["tiny"]}) == []


def test_cloud_models_are_known_by_their_ending():
    assert is_cloud("gpt-oss:120b-cloud", OLLAMA)
    assert is_cloud("kimi:cloud", OLLAMA)
    assert not is_cloud("cloudy:latest", OLLAMA)
    assert is_cloud("kimi:cloud", OPENAI_COMPATIBLE), "which may be an Ollama"
    assert not is_cloud("kimi:cloud", OPENAI)


def test_request_ids_sort_by_time():
    ids = [request_id(ms, bytes([255 - ms % 256] * 8)) for ms in (1, 2, 255, 256, 10**12)]
    assert ids == sorted(ids)
    assert request_id_floor(256) <= ids[3]
    assert request_id_floor(256) > ids[2]
    assert response_id("chatcmpl-", ids[0]) == "chatcmpl-" + ids[0][4:]
