"""Usage as an upstream reports it, in any dialect: counts, some of which may be missing."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from tollkeeper.rules.usage import MAX_COUNT, Usage


class UsageReport(Struct, frozen=True, gc=False):
    """An upstream's report of usage. A figure that is missing or no count is None: unknown, not 0. `estimated`: some
    figure was no count, or does not cover all output. `cost`: what the upstream says that it charges, in dollars; NaN
    where it is no number; None: it does not say."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False
    cost: Decimal | None = None
    cache_write_1h_tokens: int = 0

    def against(self, content: int) -> UsageReport:
        """The report, given that `content` pieces of output were seen: zeros are then unknown."""
        if self.completion_tokens or not content:
            return self
        return msgspec.structs.replace(self, completion_tokens=None, prompt_tokens=self.prompt_tokens or None)

    def complete(self, estimated_prompt: int, counted_output: int) -> Usage:
        """The usage, with the given estimates where the upstream reported nothing. Parts that exceed their whole are
        reduced to it, which makes the usage estimated."""
        prompt, output = self.prompt_tokens, self.completion_tokens
        cached, written, reasoning = self.cached_tokens, self.cache_write_tokens, self.reasoning_tokens
        kept = self.cache_write_1h_tokens
        if (
            prompt is not None
            and output is not None
            and cached + written <= prompt
            and reasoning <= output
            and kept <= written
        ):
            return Usage(prompt, cached, written, output, reasoning, self.estimated, kept)  # as it mostly is
        prompt = estimated_prompt if self.prompt_tokens is None else self.prompt_tokens
        output = counted_output if self.completion_tokens is None else self.completion_tokens
        cached = min(self.cached_tokens, prompt)
        written = min(self.cache_write_tokens, prompt - cached)
        kept = min(self.cache_write_1h_tokens, written)
        reasoning = min(self.reasoning_tokens, output)
        return Usage(
            prompt_tokens=prompt,
            cached_tokens=cached,
            cache_write_tokens=written,
            completion_tokens=output,
            reasoning_tokens=reasoning,
            estimated=self.estimated
            or self.prompt_tokens is None
            or self.completion_tokens is None
            or (cached, written, reasoning) != (self.cached_tokens, self.cache_write_tokens, self.reasoning_tokens)
            or kept != self.cache_write_1h_tokens,
            cache_write_1h_tokens=kept,
        )


NO_REPORT = UsageReport(None, None)


class UnitReport(UsageReport, frozen=True, gc=False):
    """A report of what is not counted in tokens alone: `images` that were made, milliseconds of audio that were read,
    and `characters` that were spoken. Its output is never counted by events."""

    images: int = 0
    audio_ms: int = 0
    characters: int = 0

    def against(self, content: int) -> UnitReport:  # noqa: ARG002
        """The report itself."""
        return self

    def complete(self, estimated_prompt: int, counted_output: int) -> Usage:  # noqa: ARG002
        """The usage, with an estimate of the input where the upstream reported nothing."""
        usage = UsageReport.complete(self, estimated_prompt, 0)
        units = {"images": self.images, "audio_ms": self.audio_ms, "characters": self.characters}
        return msgspec.structs.replace(usage, **units)


def count_of(value: object) -> int | None:
    """The count in a JSON value, which may be an integral float; None where it is no count."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def merge_reports(one: UsageReport, other: UsageReport) -> UsageReport:
    """Merge two reports of the same output: the larger of each figure, since a later report never lowers one."""
    return UsageReport(
        _larger(one.prompt_tokens, other.prompt_tokens),
        _larger(one.completion_tokens, other.completion_tokens),
        max(one.cached_tokens, other.cached_tokens),
        max(one.reasoning_tokens, other.reasoning_tokens),
        max(one.cache_write_tokens, other.cache_write_tokens),
        one.estimated or other.estimated,
        one.cost if other.cost is None else other.cost,
        max(one.cache_write_1h_tokens, other.cache_write_1h_tokens),
    )


def _larger(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else max(one, other)
