import pytest

from tollkeeper.rules.ids import answer_id, request_id, request_id_floor
from tollkeeper.rules.names import MAX_NAME, alias_key, canonical, is_cloud

KNOWN = {"tiny:latest", "llama3.2:1b", "hf.co/someone/model:q4", "host:5000/team/m:latest"}
ALIASES = {"llama3.2": "llama3.2:1b", "gpt-4o-mini": "TINY", "loop": "loop2", "loop2": "loop"}


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
    assert canonical(asked, KNOWN, ALIASES) == name


@pytest.mark.parametrize("alias", ["gpt", "GPT", "library/gpt", "gpt:latest", "Library/Gpt:Latest"])
@pytest.mark.parametrize("asked", ["gpt", "Gpt", "library/gpt", "gpt:latest", "LIBRARY/gpt:LATEST"])
def test_an_alias_counts_in_every_spelling(alias, asked):
    assert canonical(asked, KNOWN, {alias_key(alias): "tiny"}) == "tiny:latest"
    assert canonical("gpt:v1", KNOWN, {alias_key(alias): "tiny"}) is None


def test_a_name_that_is_too_long_is_never_known():
    longest, longer = "a" * MAX_NAME, "a" * (MAX_NAME + 1)
    assert canonical(longest, {longest}, {}) == longest
    assert canonical(longer, {longer}, {}) is None
    assert canonical(longer, {"tiny"}, {longer: "tiny"}) is None


def test_cloud_models_are_known_by_their_ending():
    assert is_cloud("gpt-oss:120b-cloud")
    assert is_cloud("kimi:cloud")
    assert not is_cloud("cloudy:latest")


def test_request_ids_sort_by_time():
    ids = [request_id(ms, bytes([255 - ms % 256] * 8)) for ms in (1, 2, 255, 256, 10**12)]
    assert ids == sorted(ids)
    assert request_id_floor(256) <= ids[3]
    assert request_id_floor(256) > ids[2]
    assert answer_id("chatcmpl-", ids[0]) == "chatcmpl-" + ids[0][4:]
