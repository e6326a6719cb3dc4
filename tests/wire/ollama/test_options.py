"""Which options reach an upstream."""

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.ollama.options import KNOWN, OF_THE_MACHINE, PASSED, integer, passed_options, read_options


def options(text):
    return read_options({"options": Raw(text)})


def test_what_samples_is_passed_as_it_was_written_and_nothing_else():
    given = options(b'{"temperature":0.70,"stop":["a","b"],"num_thread":64,"seed":1e2,"something":1,"num_predict":9}')
    assert passed_options(given, cap=None, context=None) == {
        "temperature": Raw(b"0.70"), "stop": Raw(b'["a","b"]'), "seed": Raw(b"1e2"), "num_predict": Raw(b"9"),
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(OF_THE_MACHINE))
def test_what_concerns_the_machine_is_left_out(name):
    assert passed_options(options(b'{"%b":1}' % name.encode()), cap=None, context=None) == {}
    assert not PASSED & OF_THE_MACHINE


def test_the_cap_and_the_context_are_those_given():
    given = options(b'{"num_ctx":999999,"num_predict":-1}')
    assert passed_options(given, cap=5, context=2048) == {"num_predict": Raw(b"5"), "num_ctx": Raw(b"2048")}
    assert passed_options({}, cap=5, context=None) == {"num_predict": Raw(b"5")}
    assert "num_ctx" not in passed_options(given, cap=None, context=None)


@pytest.mark.parametrize("raw", [b"null", b"{}"])
def test_no_options(raw):
    assert options(raw) == read_options({}) == {}


@pytest.mark.parametrize(
    ("raw", "param"),
    [(b"[]", "options"), (b'{"seed":1,"seed":2}', "options.seed"), (b'{"Num_Predict":9}', "options.Num_Predict")],
)
def test_options_that_another_parser_might_read_otherwise_are_refused(raw, param):
    with pytest.raises(BadRequest) as refused:
        options(raw)
    assert refused.value.param == param


@pytest.mark.parametrize(("raw", "value"), [(b"5", 5), (b"5.0", 5), (b"-1", -1), (b"null", None), (b"0", 0)])
def test_integers(raw, value):
    assert integer({"num_predict": Raw(raw)}, "num_predict") == value


@pytest.mark.parametrize("raw", [b"5.5", b'"5"', b"true", b"[]", b"1e999", b"1" * 100])
def test_what_is_no_integer_is_refused(raw):
    with pytest.raises(BadRequest, match=r"'options\.num_predict' must be an integer") as refused:
        integer({"num_predict": Raw(raw)}, "num_predict")
    assert refused.value.param == "options.num_predict"


def test_every_known_one_is_passed_or_not():
    assert PASSED | OF_THE_MACHINE | {"num_predict", "num_ctx"} == KNOWN
