"""`tiering.jit` in the place of `numba.njit`: decorator forms, options, calls of every shape, its callers."""

from __future__ import annotations

import math
import pickle

import numba
import numpy as np
import pytest
from numba.extending import is_jitted

import tiering
from tiering import registry

from .support import run

pytestmark = pytest.mark.usefixtures("warm")


def second(values, index):
    return values[index]


def scaled(value, factor=3, *rest):
    return value * factor + 1000 * len(rest)


@tiering.jit
def doubled(value):
    return 2 * value


@tiering.jit(interpret="always", controller="never")
def interpreted(value):
    return value + 0.5


def test_the_bare_decorator_compiles():
    assert doubled(21) == 42
    assert [str(signature[0]) for signature in doubled.signatures] == ["int64"]


def test_the_decorator_with_options_compiles():
    fast = tiering.jit(fastmath=True, nogil=True, error_model="numpy")(second)
    assert fast(np.arange(3.0), 2) == 2.0
    assert fast.targetoptions["fastmath"] is True
    assert fast.targetoptions["nogil"] is True
    assert fast.targetoptions["error_model"] == "numpy"


def test_the_error_model_is_the_one_that_was_asked_for():
    def ratio(x, y):
        return x / y

    assert math.isinf(tiering.jit(error_model="numpy")(ratio)(1.0, 0.0))
    with pytest.raises(ZeroDivisionError):
        tiering.jit(ratio)(1.0, 0.0)


def test_bounds_are_checked_unless_the_caller_says_otherwise():
    checked = tiering.jit(second)
    assert checked.targetoptions["boundscheck"] is True
    with pytest.raises(IndexError):
        checked(np.arange(3.0), 3)
    assert tiering.jit(boundscheck=False)(second).targetoptions["boundscheck"] is False


def test_parallel_loops_run():
    @tiering.jit(parallel=True)
    def total(values):
        result = 0
        for i in numba.prange(len(values)):
            result += values[i]
        return result

    assert total(np.arange(1000)) == 499500


@pytest.mark.parametrize("given", ["int64(int64)", numba.int64(numba.int64), ["int64(int64)", "float64(float64)"]])
def test_explicit_signatures_compile_at_once_and_exclude_all_others(given):
    plain, tiered = numba.njit(given)(scaled_by_two), tiering.jit(given)(scaled_by_two)
    assert tiered.signatures == plain.signatures
    assert (tiered(4), type(tiered(4))) == (plain(4), type(plain(4)))
    for function in (plain, tiered):
        with pytest.raises(TypeError, match="No matching definition"):
            function("text")
    assert "at decoration" in tiered.tiering.explain()


def scaled_by_two(value):
    return value * 2


def test_cache_is_numbas_own_cache(tmp_path, monkeypatch):
    path = tmp_path / "cached_module.py"
    path.write_text("def triple(x):\n    return 3 * x\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    from cached_module import triple

    first = tiering.jit(cache=True)(triple)
    assert (first(2), sum(first.stats.cache_misses.values())) == (6, 1)
    again = tiering.jit(cache=True)(triple)
    assert (again(2), sum(again.stats.cache_hits.values())) == (6, 1)
    assert "cache=True" in again.tiering.units[0].where


def test_the_python_function_is_there():
    assert doubled.py_func(1.5) == 3.0
    assert doubled.__name__ == "doubled"
    assert is_jitted(doubled)


@pytest.mark.parametrize("interpret", ["always", "never"])
@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((1,), {}), ((1, 2), {}), ((1,), {"factor": 5}), ((), {"value": 7}), ((1, 2, 10, 100), {}), ((1, 2, 0.5), {})],
)
def test_defaults_keywords_and_star_arguments_arrive_as_with_njit(interpret, arguments, keywords):
    function = tiering.jit(interpret=interpret, controller="never")(scaled)
    for _ in range(2):
        assert function(*arguments, **keywords) == scaled(*arguments, **keywords)


@pytest.mark.parametrize("interpret", ["always", "never"])
def test_a_wrong_number_of_arguments_is_a_type_error(interpret):
    function = tiering.jit(interpret=interpret)(second)
    with pytest.raises(TypeError):
        function(np.arange(3.0))
    with pytest.raises(TypeError):
        function(np.arange(3.0), 1, 2)


@pytest.mark.parametrize("interpret", ["always", "never"])
def test_an_argument_without_a_type_is_the_error_that_njit_raises(interpret):
    class Unknown:
        pass

    for argument in (Unknown(), {"a": 1}, 10**30, []):
        with pytest.raises(Exception) as plain:  # noqa: PT011
            numba.njit(scaled_by_two)(argument)
        with pytest.raises(type(plain.value)):
            tiering.jit(interpret=interpret)(scaled_by_two)(argument)


def test_it_binds_as_a_method():
    class Point:
        def __init__(self, x):
            self.x = x

        scale = staticmethod(doubled)
        whole = doubled.__get__(4)

    assert Point(1).scale(4) == 8
    assert Point.whole() == 8


def test_pickle_gives_the_same_object_back_in_this_process():
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert pickle.loads(pickle.dumps(interpreted))(1.0) == 1.5


def test_pickle_gives_a_working_function_in_another_process(tmp_path):
    path = tmp_path / "function.pickle"
    path.write_bytes(pickle.dumps(doubled))
    source = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))(21))"
    assert run("-c", source, path, cwd=tmp_path).out == "42\n"


def test_plain_njit_code_calls_tiered_functions():
    @numba.njit
    def caller(x):
        return doubled(x) + interpreted(x)

    assert caller(1.0) == 3.5


def test_tiered_functions_call_each_other_in_either_tier():
    @tiering.jit(interpret="always", controller="never")
    def outer(x):
        return doubled(x) + interpreted(x)

    @tiering.jit
    def compiled(x):
        return doubled(x) + interpreted(x)

    assert outer(1.0) == compiled(1.0) == 3.5
    assert outer.tiering.tier == "interpreter"
    assert compiled.tiering.tier == "optimized"


def test_a_tiered_function_is_an_argument():
    @tiering.jit
    def applied(function, x):
        return function(function(x))

    @numba.njit
    def plainly_applied(function, x):
        return function(function(x))

    assert applied(doubled, 3) == plainly_applied(doubled, 3) == 12


def test_literal_arguments_are_asked_for_as_with_njit():
    @tiering.jit
    def power(x, n):
        numba.literally(n)
        return x**n

    assert [power(3, 2), power(3, 2), power(3, 4)] == [9, 9, 81]


def test_a_decorated_function_is_refused_as_njit_refuses_it():
    with pytest.raises(TypeError, match="already jitted"):
        tiering.jit(numba.njit(second))
    with pytest.raises(TypeError, match="already jitted"):
        numba.njit(doubled)


def test_a_wrong_value_of_interpret_names_the_way_out():
    with pytest.raises(tiering.InputError, match=r"interpret='sometimes': must be 'always' .* or 'never'"):
        tiering.jit(interpret="sometimes")


def test_an_unknown_controller_names_the_nearest_one():
    with pytest.raises(tiering.InputError, match="unknown controller 'treshold': did you mean 'threshold'"):
        tiering.jit(controller="treshold")
    with pytest.raises(tiering.InputError, match="unknown controller 'treshold': did you mean 'threshold'"):
        tiering.configure(controller="treshold")


def test_numbers_out_of_range_are_refused_by_name():
    with pytest.raises(tiering.InputError, match="workers=-1: must be a whole number, at least 0"):
        tiering.configure(workers=-1)
    with pytest.raises(tiering.InputError, match=r"code_bytes=1\.5: must be a whole number, at least 1"):
        tiering.configure(code_bytes=1.5)


def test_an_oracle_cannot_run_live():
    with pytest.raises(tiering.NeedsFuture):
        tiering.jit(controller="oracle")(second)


def test_with_numba_disabled_the_function_itself_comes_back(program):
    source = """
        import tiering

        def f(x):
            return x + 1

        assert tiering.jit(f) is f
        assert tiering.jit(interpret="always", fastmath=True)(f) is f
        tiering.configure(controller="always")
        print(f(1), tiering.status())
    """
    assert program(source, NUMBA_DISABLE_JIT="1").out == "2 []\n"


@pytest.mark.parametrize("given", [object(), 5, registry.CONTROLLERS.load("never")], ids=["object", "number", "class"])
def test_what_is_no_controller_is_refused_by_its_value(given):
    for place in (tiering.jit, tiering.configure):
        with pytest.raises(tiering.InputError, match="must be a name, or an object with start, decide"):
            place(controller=given)
