"""The ratio of input tokens to bytes of text, learned for each model.

Bounds for pace limits use a high quantile; bills of requests without reported usage use the mean; neither is used
before enough requests were seen.
"""

from __future__ import annotations

from tollkeeper.rules.usage import estimate_tokens

ENOUGH = 50
"""Requests after which the learned ratio is used."""
QUANTILE = 99
"""Per cent of requests that the bound for pace limits covers."""
STEPS = 64
"""Buckets of the histogram per token per byte; ratios above two tokens per byte share the last one."""


class TokenRatio:
    """The learned ratio of one model. It forgets slowly: at 20,000 requests all weights are halved."""

    __slots__ = ("below", "quantile", "seen", "steps", "text_bytes", "tokens")

    def __init__(self) -> None:
        self.seen = 0
        self.text_bytes = 0
        self.tokens = 0
        self.steps = [0] * (2 * STEPS + 1)
        self.quantile = 0
        """The step that `bound` found last, from which the next search starts."""
        self.below = 0
        """How many requests are in the steps below `quantile`."""

    def __repr__(self) -> str:
        return f"TokenRatio({self.tokens} tokens in {self.text_bytes} bytes of {self.seen} requests)"

    def note(self, tokens: int, text_bytes: int) -> None:
        """Count one request, by its input tokens (without images) and bytes of text."""
        if tokens <= 0 or text_bytes <= 0:
            return
        self.seen += 1
        self.tokens += tokens
        self.text_bytes += text_bytes
        step = -(-tokens * STEPS // text_bytes)
        self.steps[step if step < 2 * STEPS else -1] += 1
        if step < self.quantile:
            self.below += 1
        if self.seen >= 20_000:
            self.steps = [count // 2 for count in self.steps]
            self.seen, self.tokens, self.text_bytes = sum(self.steps), self.tokens // 2, self.text_bytes // 2
            self.below = sum(self.steps[: self.quantile])

    def bound(self, text_bytes: int) -> int:
        """Tokens that an input of this length rarely exceeds; one per byte before enough requests were seen."""
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
        """Mean tokens of an input of this length; a quarter per byte before enough requests were seen."""
        if self.seen < ENOUGH:
            return estimate_tokens(text_bytes)
        return -(-text_bytes * self.tokens // self.text_bytes)
