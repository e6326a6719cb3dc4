"""Ids of requests."""

from tollkeeper.app.ids import RequestIds


def test_ids_differ_though_their_randomness_is_taken_in_blocks():
    new_id = RequestIds()
    ids = [new_id(1_700_000_000_000) for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert {len(made) for made in ids} == {len("req_") + 12 + 16}
    assert not set(ids) & {RequestIds()(1_700_000_000_000) for _ in range(5)}
