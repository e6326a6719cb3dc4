from tollkeeper.rules.usage import Usage
from tollkeeper.wire.usage import UsageReport, merge_reports


def test_what_was_not_reported_is_estimated_and_says_so():
    assert UsageReport(None, 4).complete(7, 9) == Usage(prompt_tokens=7, completion_tokens=4, estimated=True)


def test_parts_never_exceed_their_whole_and_figures_that_say_so_are_estimated():
    assert UsageReport(5, 2, 9, 9).complete(0, 0) == Usage(5, 5, 0, 2, 2, estimated=True)
    assert UsageReport(5, 2, 3, 0, 9).complete(0, 0) == Usage(5, 3, 2, 2, 0, estimated=True)
    assert UsageReport(5, 2, 3, 2, 2).complete(0, 0) == Usage(5, 3, 2, 2, 2)
    too_many = UsageReport(5, 2, cache_write_tokens=2, cache_write_1h_tokens=3)
    assert too_many.complete(0, 0) == Usage(5, 0, 2, 2, estimated=True, cache_write_1h_tokens=2)


def test_a_later_report_raises_figures_and_erases_none():
    assert merge_reports(UsageReport(5, 2, 1), UsageReport(None, 4)) == UsageReport(5, 4, 1)
    assert merge_reports(UsageReport(5, 2), UsageReport(3, 1)) == UsageReport(5, 2)
    kept = UsageReport(5, 2, cache_write_tokens=4, cache_write_1h_tokens=3)
    assert merge_reports(kept, UsageReport(5, 2)) == merge_reports(UsageReport(5, 2), kept) == kept
