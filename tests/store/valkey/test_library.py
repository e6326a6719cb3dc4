"""The library of functions, as it is loaded."""

import re

from tollkeeper.store.valkey.library import CODES, LIBRARY, PREFIX


def test_codes_of_limits_are_those_of_counters_that_are_stored_already():
    assert CODES == {
        "requests_per_second": 1,
        "requests_per_minute": 2,
        "requests_per_hour": 3,
        "requests_per_day": 4,
        "requests_per_month": 5,
        "requests_total": 6,
        "tokens_per_minute": 7,
        "tokens_per_hour": 8,
        "tokens_per_day": 9,
        "tokens_per_month": 10,
        "tokens_total": 11,
        "cost_usd_per_day": 12,
        "cost_usd_per_month": 13,
        "cost_usd_total": 14,
        "max_concurrent_requests": 15,
    }


def test_two_versions_share_a_server():
    """Library and functions are named by their text."""
    name = re.match(r"#!lua name=(\w+)\n", LIBRARY)
    assert name
    assert f"{name[1]}_" == PREFIX
    assert re.fullmatch(r"tollkeeper_[0-9a-f]{12}", name[1])


def test_a_newer_version_is_loaded_beside(valkey_server):
    other = LIBRARY.replace(PREFIX[:-1], "tollkeeper_ffffffffffff")
    for library in (LIBRARY, other):
        assert b"ERR" not in valkey_server.ask("FUNCTION", "LOAD", "REPLACE", library)
    assert valkey_server.ask("FUNCTION", "DELETE", "tollkeeper_ffffffffffff") == b"+OK\r\n"
