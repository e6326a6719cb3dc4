from __future__ import annotations

import pytest

SOURCE = """
import pytest

@pytest.fixture(params=["x", "y"])
def given(request): return request.param

@pytest.mark.parametrize("number", [1, 2, 3])
def test_numbers(number): assert number == 1

class TestOfAClass:
    def test_given(self, given): assert given == "x"
    def test_itself(self): ...

@pytest.mark.parametrize("number", [1, 2])
def test_second(number): assert number == 2
"""


def test_each_function_is_run_with_the_first_parameters_that_were_chosen(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SOURCE)
    words = ("-p", "tests.rig.once", "-p", "no:asyncio")
    assert pytester.runpytest_inprocess(*words, "-k", "not second").parseoutcomes() == {"passed": 3, "deselected": 5}
    assert pytester.runpytest_inprocess(*words, "-k", "second and 2").parseoutcomes() == {"passed": 1, "deselected": 7}
