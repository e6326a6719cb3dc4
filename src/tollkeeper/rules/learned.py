"""What is learned of a model: how many tokens its input has for each byte of text.

Bounds of pace use a high quantile, bills of requests whose upstream told nothing use the mean, and neither uses
anything before enough was seen.
"""

from __future__ import annotations

from msgspec import Struct, field

from tollkeeper.rules.usage import estimate_tokens

ENOUGH = 50
"""Requests after which what was seen is believed."""
QUANTILE = 99
"""Per cent of requests that the bound for pace is to cover."""
STEPS = 64
"""Steps of one token per byte in which ratios are told apart; above two tokens per byte all are one."""


class Learned(Struct):
    """Of one model. Forgets slowly: at 20,000 requests all weights are halved."""

    seen: int = 0
    text_bytes: int = 0
    tokens: int = 0
    steps: list[int] = field(default_factory=lambda: [0] * (2 * STEPS + 1))
    quantile: int = 0
    """The step that `bound` found last, to go on from there."""
    below: int = 0
    """How many requests are in the steps below it."""

    def note(self, tokens: int, text_bytes: int) -> None:
        """One request had so many input tokens (images left out) for so many bytes."""
        if tokens <= 0 or text_bytes <= 0:
            return
        self.seen += 1
        self.tokens += tokens
        self.text_bytes += text_bytes
        step = min(-(-tokens * STEPS // text_bytes), 2 * STEPS)
        self.steps[step] += 1
        self.below += step < self.quantile
        if self.seen >= 20_000:
            self.steps = [count // 2 for count in self.steps]
            self.seen, self.tokens, self.text_bytes = sum(self.steps), self.tokens // 2, self.text_bytes // 2
            self.below = sum(self.steps[: self.quantile])

    def bound(self, text_bytes: int) -> int:
        """Tokens that such an input will rarely exceed; a token a byte before enough was seen."""
        if self.seen < ENOUGH:
            return text_bytes
        wanted, steps = self.seen * QUANTILE, self.steps
        while 100 * (self.below + steps[self.quantile]) < wanted:
            self.below += steps[self.quantile]
            self.quantile += 1
        while 100 * self.below >= wanted:
            self.quantile -= 1
            self.below -= steps[self.quantile]
        return -(-text_bytes * self.quantile // STEPS)

    def mean(self, text_bytes: int) -> int:
        """Tokens that such an input has on average; a quarter a byte before enough was seen."""
        if self.seen < ENOUGH:
            return estimate_tokens(text_bytes)
        return -(-text_bytes * self.tokens // self.text_bytes)
