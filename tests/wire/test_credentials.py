"""Which key a request carries, and what is shown of one."""

from __future__ import annotations

import pytest

from tollkeeper.rules.errors import InvalidKey
from tollkeeper.wire.credentials import missing_key, presented_key, redacted, shown_as, wrong_key

ALICE, BOB = "sk-alice", "sk-bob"
DIFFER = object()


def bearer(key: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {key}".encode("latin-1")


def header(name: str, value: str) -> tuple[bytes, bytes]:
    return name.encode(), value.encode("latin-1")


BASIC, DIGEST, NEGOTIATE = (
    header("authorization", value) for value in ("Basic dTpw", 'Digest username="u", uri="/"', "Negotiate YII=")
)
# headers → the key that counts
CASES = {
    "nothing": ([], None),
    "bearer": ([bearer(ALICE)], ALICE),
    "another case, more blanks": ([header("authorization", f"bEARER   {ALICE} ")], ALICE),
    "x-api-key": ([header("x-api-key", ALICE)], ALICE),
    "Azure's": ([header("api-key", ALICE)], ALICE),
    "all three, the same": ([bearer(ALICE), header("x-api-key", ALICE), header("api-key", ALICE)], ALICE),
    "other headers": ([header("cookie", "a=b"), header("x-api-keys", BOB)], None),
    "an empty bearer": ([bearer("")], None),
    "a bearer without a blank": ([header("authorization", "Bearer")], None),
    "blanks alone": ([bearer("   "), header("x-api-key", " \t")], None),
    "an empty authorization": ([header("authorization", "")], None),
    "an empty one beside a key": ([header("x-api-key", ""), bearer(ALICE)], ALICE),
    "an empty bearer beside a key": ([bearer(""), header("api-key", ALICE)], ALICE),
    "a key without a scheme": ([header("authorization", ALICE)], None),
    "the proxy's own alone": ([BASIC], None),
    "the proxy's own beside x-api-key": ([BASIC, header("x-api-key", ALICE)], ALICE),
    "the proxy's digest beside api-key": ([header("api-key", ALICE), DIGEST], ALICE),
    "the proxy's ticket in a line of its own": ([NEGOTIATE, bearer(ALICE)], ALICE),
    "two bearers": ([bearer(ALICE), bearer(BOB)], DIFFER),
    "two headers": ([bearer(ALICE), header("x-api-key", BOB)], DIFFER),
    "two of Azure's": ([header("api-key", ALICE), header("api-key", BOB)], DIFFER),
    "a placeholder beside a key": ([bearer("none"), header("x-api-key", ALICE)], DIFFER),
    "bytes beyond ASCII": ([header("x-api-key", "\xff\xe9")], "\xff\xe9"),
}
# headers beside a key of alice's in the path → the key that counts; alice and bob have keys, nobody else
IN_PATH = {
    "alone": ([], ALICE),
    "the same": ([bearer(ALICE)], ALICE),
    "a placeholder": ([bearer("ollama")], ALICE),
    "two placeholders that differ": ([bearer("ollama"), header("x-api-key", "none")], ALICE),
    "an empty one": ([bearer("")], ALICE),
    "the proxy's own": ([BASIC], ALICE),
    "somebody else's": ([bearer(BOB)], DIFFER),
    "somebody else's beside a placeholder": ([bearer("ollama"), header("api-key", BOB)], DIFFER),
}


def check(counts, headers, *in_path):
    if counts is DIFFER:
        with pytest.raises(InvalidKey, match="two API keys that differ") as refused:
            presented_key(headers, *in_path)
        assert ALICE not in refused.value.message
        assert BOB not in refused.value.message
    else:
        assert presented_key(headers, *in_path) == counts


@pytest.mark.parametrize("case", CASES)
def test_which_key_counts(case):
    headers, counts = CASES[case]
    check(counts, headers)
    check(counts, headers, None, {ALICE, BOB}.__contains__)  # whose it is, is asked behind a key in the path alone
    check(counts, headers, "", {ALICE, BOB}.__contains__)  # an empty one in the path is none


@pytest.mark.parametrize("case", IN_PATH)
def test_a_key_in_the_path_wins_over_a_placeholder_alone(case):
    headers, counts = IN_PATH[case]
    check(counts, headers, ALICE, {ALICE, BOB}.__contains__)


def test_whether_a_key_is_somebodys_is_asked_only_where_it_matters():
    asked: list[str] = []

    def is_key(key: str) -> bool:
        asked.append(key)
        return False

    presented_key([bearer(ALICE), header("x-api-key", ALICE)], None, is_key)
    presented_key([bearer(ALICE)], ALICE, is_key)
    assert asked == []
    assert presented_key([bearer("ollama")], ALICE, is_key) == ALICE
    assert asked == ["ollama"]
    with pytest.raises(InvalidKey, match="differ"):
        presented_key([header("api-key", f"k{number}") for number in range(4000)], ALICE, is_key)
    assert asked == ["ollama"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("", "…"),
        ("abc", "…"),
        ("sk-1", "s…"),
        ("hunter22", "hu…"),
        ("sk-alice-123", "sk-…"),
        ("k" * 25, "kkk…"),
        ("sk-ab" + "x" * 17 + "wxyz", "sk-abx…wxyz"),
        ("sk-ali" + "x" * 9_990 + "5678", "sk-ali…5678"),
        ("\x1b[31m\r\n\u202e" + "é" * 20 + "\x00 \x7f✓", "?[31m?…????"),
        ("\udc80" * 30, "??????…????"),
    ],
)
def test_what_is_shown_of_a_key(key, shown):
    assert redacted(key) == shown


@pytest.mark.parametrize("size", [*range(60), 10_000])
def test_most_of_a_key_is_never_shown(size):
    shown = len(redacted("k" * size)) - 1
    assert shown <= 3 or size - shown >= 16
    assert shown <= min(10, size // 2)


def test_what_clients_look_for_in_a_wrong_key():
    error = wrong_key("sk-ab…wxyz", "Check it.")
    assert (error.status, error.code) == (401, "invalid_api_key")
    assert error.message == "Incorrect API key provided: sk-ab…wxyz. Check it."
    assert (missing_key().status, missing_key().code) == (401, "invalid_api_key")


KEY = "sk-ali" + "x" * 20 + "5678"


@pytest.mark.parametrize(
    ("shown", "text", "fits"),
    [
        ("sk-ali…5678", "sk-ali…5678", True),
        ("sk-ali…5678", "sk-ali...5678", True),
        ("sk-ali…5678", "sk-a", True),
        ("sk-ali…5678", "sk-al…", True),
        ("sk-ali…5678", "…5678", True),
        ("sk-ali…5678", "5678", True),
        ("sk-ali…5678", KEY, True),
        ("sk-ali…5678", KEY[:-1] + "9", False),
        ("sk-ali…5678", "sk-alice-of", True),
        ("sk-ali…5678", "sk-", False),
        ("sk-ali…5678", "…78", False),
        ("sk-ali…5678", "li…5678", False),
        ("sk-ali…5678", "sk-b", False),
        ("sk-ali…5678", "", False),
        ("sk-ali…5678", "…", False),
        ("sk-…", "sk-a", False),
        ("sk-ann-ab", "sk-ann", True),
    ],
)
def test_which_text_fits_what_is_shown_of_a_key(shown, text, fits):
    assert shown_as(text)(shown) is fits
