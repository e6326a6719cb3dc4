"""Which mechanism keeps which promise, how it is taken out, and which tests must fail then."""

from __future__ import annotations

from typing import NamedTuple

PROMISES = ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8")


class Mutation(NamedTuple):
    """`text` stands once in `file` (below `src/tollkeeper/`), and gives way to `instead`. `tests` are pytest's names of
    tests, each below `tests/`; at least one of them must fail."""

    promise: str
    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "L1",
        "a body goes before its record is durable",
        "gateway/relay.py",
        "    await run.durable()\n    cost =",
        "    cost =",
        ("gateway/test_faults.py::test_an_answer_is_held_until_its_record_is_durable",),
    ),
    Mutation(
        "L1",
        "the end of a stream goes before its record is durable",
        "gateway/relay.py",
        "    await run.durable()\n    exchange.stream(reader.end, headers)",
        "    exchange.stream(reader.end, headers)",
        ("gateway/test_promises.py::test_the_end_of_a_stream_is_held_until_its_record_is_durable",),
    ),
    Mutation(
        "L1",
        "a commit is told of before it is made",
        "store/sqlite/ledger.py",
        "        self._writer.hand(partial(group.write, self._committer), self._done)",
        "        self._writer.hand(partial(group.write, self._committer), self._done)\n        group.done()",
        ("store/test_ledger.py", "store/sqlite/test_ledger.py"),
    ),
    Mutation(
        "L2",
        "a repeated settlement is summed again",
        "store/sqlite/commit.py",
        "if _ADD_RECORDS.execute(connection, rows) != len(rows):",
        "if _ADD_RECORDS.execute(connection, rows) < 0:",
        ("store/test_ledger.py::test_a_second_settlement_changes_nothing",),
    ),
    Mutation(
        "L2",
        "a run settles as often as it is told to",
        "services/runs.py",
        "        if self._settled is not None:\n            return\n",
        "",
        ("gateway/test_limits.py::test_a_budget_of_tokens_lowers_the_cap",),
    ),
    Mutation(
        "L3",
        "what running requests hold is not looked at",
        "rules/admission.py",
        "if counter.held + amounts[counter.kind]",
        "if amounts[counter.kind]",
        ("gateway/test_limits_at_once.py::test_two_hundred_at_once_never_go_over",),
    ),
    Mutation(
        "L3",
        "a window leaves out its oldest bucket",
        "rules/windows.py",
        "oldest = index - self._grid.buckets\n",
        "oldest = index - self._grid.buckets + 1\n",
        ("rules/test_windows.py::test_what_lies_at_the_far_end_of_a_window_still_counts",),
    ),
    Mutation(
        "L3",
        "a budget's cap is not sent upstream",
        "services/admission.py",
        "each if changes else None",
        "None",
        ("gateway/test_limits.py::test_a_budget_of_tokens_lowers_the_cap",),
    ),
    Mutation(
        "L4",
        "a settlement frees nothing",
        "rules/admission.py",
        "        counter.held -= amounts[kind]\n",
        "",
        ("gateway/test_limits.py::test_a_budget_of_tokens_lowers_the_cap", "gateway/test_limits.py::test_concurrency"),
    ),
    Mutation(
        "L4",
        "what never went out gives nothing back",
        "services/admission.py",
        "        if not self.taken_over:",
        "        if self.taken_over:",
        ("gateway/test_limits.py::test_what_never_went_out_gives_all_back",),
    ),
    Mutation(
        "L4",
        "what was not sent is recorded all the same",
        "services/runs.py",
        "        if not self.dispatched:\n            self._take_back()\n        elif",
        "        if",
        ("gateway/test_promises.py::test_who_leaves_before_it_went_out_leaves_nothing_behind",),
    ),
    Mutation(
        "L4",
        "a key in another's place begins at nothing",
        "store/ports.py",
        "return self.origin or self.id",
        "return self.id",
        ("gateway/test_keys.py::test_what_a_key_used_counts_for_the_one_in_its_place",),
    ),
    Mutation(
        "L4",
        "a limit whose past could not be read is in force",
        "services/counting.py",
        "            except BaseException:\n                self._forget(new.counts)\n                raise\n",
        "            except BaseException:\n                return\n",
        ("gateway/test_limits.py::test_a_past_that_could_not_be_read_is_read_the_next_time",),
    ),
    Mutation(
        "L4",
        "counters begin at nothing after a restart",
        "services/counting.py",
        "self._add(new, await self._history(new))",
        "await self._history(new)",
        ("gateway/test_limits.py::test_counters_are_as_they_were_after_a_restart",),
    ),
    Mutation(
        "L5",
        "sums by hour are not written",
        "store/sqlite/commit.py",
        "        _ADD_TO_HOURLY.execute(connection, _rows(hours))\n",
        "",
        ("store/test_reports.py", "store/sqlite/test_verify.py"),
    ),
    Mutation(
        "L5",
        "a correction is in the records, and in no counter",
        "store/memory/counters.py",
        '            if GATED[name].quantity == "cost":\n',
        "            if False:\n",
        ("gateway/test_limits.py::test_a_refund_gives_room_again",),
    ),
    Mutation(
        "L6",
        "room is told of one bucket early",
        "rules/windows.py",
        "leaves = self._grid.start(index + self._grid.buckets + 1)",
        "leaves = self._grid.start(index + self._grid.buckets)",
        ("rules/test_windows.py::test_room_comes_at_the_named_moment_and_not_before",),
    ),
    Mutation(
        "L6",
        "only the limit that binds longest is waited for",
        "rules/admission.py",
        "raise Refused(worst, retry)",
        "raise Refused(worst, worst.until)",
        ("rules/test_admission.py::test_a_moment_that_frees_a_budget_may_still_be_too_early_for_a_pace",),
    ),
    Mutation(
        "L7",
        "requests are relayed while nothing can be recorded",
        "services/runs.py",
        "if self.ledger.failing is not None:",
        "if False:",
        ("gateway/test_faults.py::test_a_ledger_that_cannot_write_relays_nothing",),
    ),
    Mutation(
        "L7",
        "a group that cannot be committed is dropped",
        "store/sqlite/ledger.py",
        "        self._gathering.put_before(group)\n",
        "",
        ("store/sqlite/test_ledger.py",),
    ),
    Mutation(
        "L8",
        "a hash does not cover the one before",
        "rules/chain.py",
        "sha256(previous + _encode(",
        "sha256(_encode(",
        ("store/sqlite/test_verify.py", "rules/test_chain.py"),
    ),
    Mutation(
        "L8",
        "verification does not recompute hashes",
        "store/sqlite/verify.py",
        "elif link(digest, found, values) != kept:",
        "elif False:",
        ("store/sqlite/test_verify.py",),
    ),
    Mutation(
        "L8",
        "verification does not recompute costs",
        "store/sqlite/verify.py",
        "            if values[_PRICE] is not None:\n",
        "            if False:\n",
        ("store/sqlite/test_verify.py",),
    ),
    Mutation(
        "L8",
        "what was pruned is not compared by user",
        "store/sqlite/verify.py",
        "for at, user_id, *_ in self._left_over(old):",
        "for at, user_id, *_ in ():",
        ("store/sqlite/test_verify.py",),
    ),
)
