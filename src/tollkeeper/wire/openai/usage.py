"""Usage as upstreams of the OpenAI dialect report it, and the sum of several reports.

Most send one report, at the end. vLLM can send a growing one with each chunk, for the chunk's own choice, and the sum
at the end. Ollama's completions have zeros until the last chunk. llama.cpp sends one for each choice, with `timings`
beside it, and in a whole response only that of the first choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation, localcontext
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from tollkeeper.rules.usage import MAX_COUNT
from tollkeeper.wire.usage import NO_REPORT, UsageReport, count_of, merge_reports

_MAX_USAGE_BYTES = 65_536
_KEPT_1H = "ephemeral_1h_input_tokens"
_DIGITS = 60
"""More than any cost has, so that two of them add up exactly."""


class _Counts:
    """Reads counts from one usage object. `doubtful`: a given value was no count."""

    def __init__(self) -> None:
        self.doubtful = False

    def first(self, table: Mapping[str, Any], *names: str) -> int | None:
        """The first of the named counts that is given and not 0; 0 where only zeros are given; None where none is."""
        found = None
        for name in names:
            value = table.get(name)
            if value is None:
                continue
            count = count_of(value)
            if count is None:
                self.doubtful = True
            elif count:
                return count
            else:
                found = 0
        return found


def read_usage(raw: Raw | bytes, *, input_name: str = "prompt", output_name: str = "completion") -> UsageReport:
    """The report in a `usage` value of any shape; details that are no object are ignored. `input_name`, `output_name`:
    how its fields begin, which are `input` and `output` in the Responses dialect."""
    usual = _usual(raw) if input_name == "prompt" else None
    if usual is not None:
        return usual
    usage = _table(raw)
    if usage is None:
        return NO_REPORT
    prompt = _details(usage, f"{input_name}_tokens_details")
    counts = _Counts()
    written = counts.first(prompt, "cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
    kept = counts.first(_details(usage, "cache_creation"), _KEPT_1H)  # Anthropic's, which LiteLLM has in the details
    kept = kept or counts.first(_details(prompt, "cache_creation_token_details"), _KEPT_1H)
    return UsageReport(
        counts.first(usage, f"{input_name}_tokens"),
        counts.first(usage, f"{output_name}_tokens"),
        counts.first(prompt, "cached_tokens") or 0,
        counts.first(_details(usage, f"{output_name}_tokens_details"), "reasoning_tokens") or 0,
        written or counts.first(usage, "cache_creation_input_tokens") or 0,
        counts.doubtful,
        None if usage.get("cost") is None else _cost(raw),
        kept or 0,
    )


_Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)] | None


class _InputDetails(Struct, gc=False):
    cached_tokens: _Count = None
    cache_write_tokens: _Count = None
    cache_creation_tokens: _Count = None
    cache_creation_input_tokens: _Count = None
    cache_creation_token_details: None = None


class _OutputDetails(Struct, gc=False):
    reasoning_tokens: _Count = None


class _Usual(Struct, gc=False):
    """Usage in the shape in which nearly all servers report it: counts that are counts, and no costs."""

    prompt_tokens: _Count = None
    completion_tokens: _Count = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    cache_creation_input_tokens: _Count = None
    cache_creation: None = None
    cost: None = None


_read_usual = msgspec.json.Decoder(_Usual).decode
_NO_INPUT_DETAILS = _InputDetails()


def _usual(raw: Raw | bytes) -> UsageReport | None:
    """The report in a `usage` value of the usual shape, in a quarter of the instructions that any other takes; None:
    it has another shape."""
    text = bytes(raw)
    if len(text) > _MAX_USAGE_BYTES or not text.isascii():
        return None
    try:
        usage = _read_usual(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    details, output = usage.prompt_tokens_details or _NO_INPUT_DETAILS, usage.completion_tokens_details
    written = (
        details.cache_write_tokens
        or details.cache_creation_tokens
        or details.cache_creation_input_tokens
        or usage.cache_creation_input_tokens
    )
    return UsageReport(
        usage.prompt_tokens,
        usage.completion_tokens,
        details.cached_tokens or 0,
        0 if output is None else output.reasoning_tokens or 0,
        written or 0,
    )


class _Details(Struct):
    upstream_inference_cost: Raw = Raw(b"null")


class _Costs(Struct):
    """What OpenRouter reports of its charge: in `cost` what it takes itself; with the operator's own key at a provider
    (`is_byok`), `upstream_inference_cost` is what that provider takes beside it."""

    cost: Raw
    is_byok: bool | None = None
    cost_details: _Details | None = None


_read_costs = msgspec.json.Decoder(_Costs).decode


def _cost(raw: Raw | bytes) -> Decimal:
    """The reported cost in dollars, exact; NaN where it is no number."""
    try:
        costs = _read_costs(raw)
        total = _decimal(costs.cost)
        details = costs.cost_details
        if costs.is_byok is False or details is None:
            return total
        with localcontext(prec=_DIGITS):
            return total + _decimal(details.upstream_inference_cost)
    except (msgspec.DecodeError, InvalidOperation, UnicodeDecodeError):
        return Decimal("NaN")


def _decimal(number: Raw) -> Decimal:
    text = bytes(number).decode()
    return Decimal(0) if text == "null" else Decimal(text)


def _table(raw: Raw | bytes) -> dict[str, Any] | None:
    if memoryview(raw).nbytes > _MAX_USAGE_BYTES:
        return None
    try:
        usage = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:  # field by field: a number out of range affects only itself
            usage = {name: _value(value) for name, value in _fields(raw).items()}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
    return usage if isinstance(usage, dict) else None


def _value(raw: Raw, *, deep: bool = True) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if deep:
        try:
            return {name: _value(value, deep=False) for name, value in _fields(raw).items()}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return ...  # given, and no count


_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    details = usage.get(name)
    return details if isinstance(details, dict) else {}


class UsageTally:
    """The usage that one stream reports. `choices` is the number of choices requested, for `prompts` prompts; those of
    one prompt have consecutive indexes. `content` counts the events with output of each choice."""

    __slots__ = ("_beside", "_choices", "_each_its_own", "_most", "_of_one", "_prompts", "_seen", "_total", "content")

    def __init__(self, choices: int = 1, prompts: int = 1) -> None:
        self._choices = choices
        self._prompts = prompts
        self._total = NO_REPORT
        self._beside: dict[int, UsageReport] = {}
        self._of_one: dict[int, UsageReport] = {}
        """Reports that are known to be of one choice, by its index; those without an index count down from -1."""
        self._each_its_own = False
        """Whether reports beside choices are for these choices, not sums over all."""
        self._most = (0, -1, 0)
        """The most output reported beside a choice, the index of that choice, and the count of content at that time."""
        self._seen = 0
        self.content: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"UsageTally({self.report(0)})"

    def add(self, report: UsageReport, index: int | None, content: int, *, of_one: bool) -> None:
        """Add a report beside the choice `index` (None: beside none), after `content` events with output. `of_one`: it
        is known to be for one choice."""
        if report.prompt_tokens or report.completion_tokens:
            self._seen = content
        elif index is not None and not report.estimated:
            return  # Ollama's completions have zeros until the last chunk: a stream cut before it reports nothing
        if self._choices == 1:
            self._total = merge_reports(self._total, report)
        elif of_one:
            place = -1 - len(self._of_one) if index is None else index
            self._of_one[place] = merge_reports(self._of_one.get(place, NO_REPORT), report)
        elif index is None:
            self._total = merge_reports(self._total, report)
        else:
            most, most_of, at = self._most
            reported = report.completion_tokens or 0
            if reported > most:
                self._most = (reported, index, content)
            elif reported and index != most_of and content > at:
                self._each_its_own = True  # a sum over all would have grown
            self._beside[index] = merge_reports(self._beside.get(index, NO_REPORT), report)

    def report(self, content: int) -> UsageReport:
        """The total, after `content` events with output."""
        return self._with_late(self._total, content) if self._choices == 1 else self._of_several(content)

    def _with_late(self, report: UsageReport, content: int) -> UsageReport:
        """The report plus the output that came after the last one; estimated where there was any."""
        late = content - self._seen
        if late <= 0 or not report.completion_tokens:
            return report
        return msgspec.structs.replace(report, completion_tokens=report.completion_tokens + late, estimated=True)

    def _of_several(self, content: int) -> UsageReport:
        if self._of_one:
            return self._sum(self._of_one)
        generated = sum(self.content.values())
        merged = self._total
        for report in self._beside.values():
            merged = merge_reports(merged, report)
        if (
            self._beside
            and self._total is NO_REPORT
            and (self._each_its_own or generated > (merged.completion_tokens or 0))
        ):
            return self._sum(self._beside)
        if generated <= (merged.completion_tokens or 0):
            return self._with_late(merged, content)
        if merged.completion_tokens:  # it is for one choice of several
            return msgspec.structs.replace(merged, completion_tokens=generated, estimated=True)
        return merged

    def _sum(self, reports: Mapping[int, UsageReport]) -> UsageReport:
        """The sum of reports for single choices. A prompt counts once for all of its choices; unreported choices are
        counted by their events."""
        completion = sum(report.completion_tokens or 0 for report in reports.values())
        silent = [count for index, count in self.content.items() if index not in reports]
        unnamed = sum(index < 0 for index in reports)
        silent = sorted(silent)[: max(0, len(silent) - unnamed)]
        prompts: dict[int, UsageReport] = {}
        each = max(1, self._choices // self._prompts)
        for index, report in reports.items():
            prompt = index // each if self._prompts > 1 and index >= 0 else 0
            first = prompts.get(prompt)
            if first is None or report.cached_tokens < first.cached_tokens:
                prompts[prompt] = report  # the one that read the prompt; the others had it cached
        prompt_counts = [report.prompt_tokens for report in prompts.values()]
        known = sum(count for count in prompt_counts if count is not None)
        complete = len(prompts) >= self._prompts and None not in prompt_counts
        return UsageReport(
            known if complete else None,
            completion + sum(silent),
            sum(report.cached_tokens for report in prompts.values()),
            sum(report.reasoning_tokens for report in reports.values()),
            sum(report.cache_write_tokens for report in prompts.values()),
            bool(silent) or any(report.estimated or report.completion_tokens is None for report in reports.values()),
            cache_write_1h_tokens=sum(report.cache_write_1h_tokens for report in prompts.values()),
        )


def for_all_choices(report: UsageReport, sizes: list[int], prompts: int) -> UsageReport:
    """The report of a whole response, from one that counts only the first choice: the others are estimated from the
    bytes of their output (`sizes`) by the bytes per token of the first. With several prompts the input is unknown."""
    first = report.completion_tokens
    if first is None or len(sizes) < 2:
        return report
    rest = sum(sizes[1:])
    others = -(-rest * first // sizes[0]) if sizes[0] and first else -(-rest // 4)
    prompt = report.prompt_tokens if prompts == 1 else None
    return msgspec.structs.replace(report, prompt_tokens=prompt, completion_tokens=first + others, estimated=True)
