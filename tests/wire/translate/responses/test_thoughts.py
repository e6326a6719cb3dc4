"""Thoughts in a text that clients carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.translate.responses.asking import asking
from tollkeeper.wire.translate.conversation import Thinking
from tollkeeper.wire.translate.responses.thoughts import seal, unseal, wants_thoughts


@given(st.builds(Thinking, st.text(), st.none() | st.text(), st.none() | st.text()))
def test_what_its_maker_signed_comes_back(thought: Thinking) -> None:
    sealed = seal(thought)
    if thought.signature is None and thought.redacted is None:
        assert sealed is None
    else:
        assert sealed is not None
        assert unseal(sealed) == thought


@pytest.mark.parametrize("text", ["", "gAAAAABo", "tk1.", "tk1.%%", "tk1.W10=", "tk1.ü"])
def test_what_another_made_is_none(text: str) -> None:
    assert unseal(text) is None


def test_what_is_longer_than_any_thought_is_none() -> None:
    """To decode it would hold the interpreter."""
    sealed = seal(Thinking("x" * 3_100_000, "s"))
    assert sealed is not None
    assert unseal(sealed) is None


@pytest.mark.parametrize(
    ("include", "wants"),
    [(None, False), ([], False), (["x"], False), (["x", "reasoning.encrypted_content"], True), ("all", False)],
)
def test_clients_ask_for_it(include: object, wants: bool) -> None:
    assert wants_thoughts(asking(include=include)) is wants
