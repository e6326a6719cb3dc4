from __future__ import annotations

from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.load import Load


def test_slots_in_all_and_by_model():
    load, config = Load(), UpstreamConfig("a", OLLAMA, "http://127.0.0.1:9", slots=3, model_slots=2)
    for model in ("m", "m"):
        assert load.room(config, model)
        load.take(model)
    assert (load.room(config, "m"), load.room(config, "n")) == (False, True)
    load.take("n")
    assert not load.room(config, "n")
    load.release("m")
    assert (load.room(config, "m"), load.running_by_model) == (True, {"m": 1, "n": 1})


def test_a_model_counts_as_loaded_from_its_dispatch():
    load = Load()
    load.take("m")
    assert load.loaded is None
    load.loaded = frozenset({"m"})
    load.take("n")
    assert load.loaded == {"m", "n"}


def test_a_model_that_is_loaded_may_push_out_those_that_do_not_run():
    load = Load()
    load.loaded = frozenset({"idle", "busy"})
    load.take("busy")
    assert (load.loaded, load.loading) == (frozenset({"idle", "busy"}), set())
    load.take("new")
    assert (load.loaded, load.loading) == (frozenset({"busy", "new"}), {"new"})


def test_the_answer_to_who_had_a_model_loaded_tells_how_long_that_took():
    load = Load()
    load.loaded = frozenset()
    load.take("m")
    load.take("m")
    load.answered("other", 9.0)
    assert not load.outdated.is_set()
    load.answered("m", 3.0)
    load.answered("m", 4.0)
    assert (load.load_times, load.outdated.is_set()) == ({"m": 3.0}, True)


def test_a_whole_answer_ends_a_load_and_does_not_tell_how_long_it_took():
    load = Load()
    load.loaded = frozenset()
    load.take("m")
    assert (load.loads_another("m"), load.loads_another("n")) == (False, True)
    load.answered("m", None)
    assert (load.loading, load.load_times, load.outdated.is_set()) == (set(), {}, True)
    assert not load.loads_another("n")


def test_a_load_ends_without_an_answer_when_nobody_waits_for_it():
    load = Load()
    load.loaded = frozenset()
    load.take("m")
    load.take("m")
    load.release("m")
    assert (load.loading, load.outdated.is_set()) == ({"m"}, False)
    load.release("m")
    assert (load.loading, load.load_times, load.outdated.is_set()) == (set(), {}, True)
