"""Five ways in which code of another process crashes or answers wrongly, each as the program that showed it."""

from __future__ import annotations

import threading

import numba
import numpy as np
import pytest

import tiering
from tiering import protocol
from tiering.live import private

from .support import call_until


def test_equal_symbol_names_of_two_processes_are_kept_apart(program):
    """Both processes number their functions from 1, and both functions here have one name and one type."""
    source = """
        import numba
        import tiering
        from tiering.live.runtime import RUNTIME

        def made(k, decorate):
            def step(x):
                return x + k
            return decorate(step)

        tiering.configure()
        RUNTIME.pool.ready.wait(60)
        parents = [made(k, numba.njit(boundscheck=True)) for k in range(12)]
        workers = [made(100 + k, tiering.jit) for k in range(12)]
        assert [step(0) for step in workers] == list(range(100, 112))
        assert [step(0) for step in parents] == list(range(12))
        for parent, worker in zip(parents, workers):
            @numba.njit
            def caller(x):
                return parent(x) * 1000 + worker(x)
            print(caller(0), worker.tiering.units[0].where)
    """
    expected = [f"{1000 * k + 100 + k} in a worker process" for k in range(12)]
    assert program(source).out.splitlines() == expected


def test_two_workers_make_no_equal_symbols_either(program):
    source = """
        import threading
        import numba
        import tiering
        from tiering.live.runtime import RUNTIME

        tiering.configure(workers=2)
        RUNTIME.pool.ready.wait(60)

        def made(k):
            def step(x):
                return x + k
            return tiering.jit(step)

        steps = tuple(made(k) for k in range(8))
        threads = [threading.Thread(target=step, args=(0,)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        a, b, c, d, e, f, g, h = steps

        @numba.njit
        def caller(x):
            return a(x), b(x), c(x), d(x), e(x), f(x), g(x), h(x)

        print(caller(0), {step.tiering.units[0].where for step in steps})
    """
    assert program(source).out == "(0, 1, 2, 3, 4, 5, 6, 7) {'in a worker process'}\n"


@tiering.jit
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


@tiering.jit
def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@pytest.mark.usefixtures("warm")
def test_mutual_recursion_is_compiled_in_place():
    assert [is_even(10), is_odd(10), is_even(7), is_odd(7)] == [True, False, False, True]
    assert "mutually recursive" in is_even.tiering.units[0].where


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(("count", "route"), [(1000, "in a worker process"), (140_000, "in place (")])
def test_arrays_that_are_baked_in_as_addresses_are_compiled_in_place(count, route):
    table = np.arange(float(count))

    @tiering.jit
    def looked_up(i):
        return table[i]

    assert looked_up(count - 1) == count - 1
    with pytest.raises(IndexError):
        looked_up(count)
    assert looked_up.tiering.units[0].where.startswith(route)


@pytest.mark.usefixtures("warm")
def test_code_that_threads_are_running_stays_alive_while_it_is_hidden_and_shown():
    @tiering.jit(interpret="always", controller="always", nogil=True)
    def summed(values):
        total = 0.0
        for i in range(len(values)):
            total += values[i]
        return total

    values = np.ones(20_000)
    call_until(lambda: summed(values[:10]), lambda: summed.tiering.tier == "optimized")
    (unit,) = summed.enter.__self__.units.values()
    wrong: list[float] = []

    def calling():
        wrong.extend(result for result in (summed(values) for _ in range(400)) if result != 20_000.0)

    threads = [threading.Thread(target=calling) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        unit.hide()
    for thread in threads:
        thread.join()
    assert not wrong
    summed(values)
    assert len(summed.overloads) == 1


@pytest.mark.usefixtures("warm")
def test_a_replaced_entry_is_not_inserted_twice():
    """Two equal rows in Numba's table would be ambiguous, and every call from then on slow."""

    @tiering.jit(interpret="always", controller="always")
    def negated(x):
        return -x

    call_until(lambda: negated(1), lambda: negated.tiering.tier == "optimized")
    negated(1.5)
    missed = []
    entered = negated.enter

    def counting(args):
        missed.append(args)
        return entered(args)

    negated.enter = counting
    (unit, *_) = entered.__self__.units.values()
    for _ in range(5):
        unit.hide()
        assert negated(1) == -1
    assert len(missed) == 5
    assert [negated(1) for _ in range(100)] == [-1] * 100
    assert len(missed) == 5


def test_loading_needs_nothing_that_only_compiling_brings(program):
    """Arrays, lists and strings need Numba's run-time symbols, in a process that never compiled anything."""
    source = """
        import numpy as np
        import tiering
        from numba.core.registry import cpu_target
        from tiering.live.runtime import RUNTIME

        @tiering.jit
        def made(n):
            items = [float(i) for i in range(n)]
            return np.array(items) * 2, str(n)

        @tiering.jit
        def raising(a):
            raise ValueError("as it should")

        RUNTIME.pool.ready.wait(60)
        print(made(3), made.tiering.units[0].where)
        try:
            raising(np.zeros(2))
        except ValueError as error:
            print(error, raising.tiering.units[0].where)
    """
    assert program(source).out.splitlines() == [
        "(array([0., 2., 4.]), '3') in a worker process",
        "as it should in a worker process",
    ]


@pytest.mark.usefixtures("warm")
def test_code_that_needs_an_unknown_symbol_is_refused_and_not_linked():
    @numba.njit
    def cubed(x):
        return x**3

    cubed(2)
    key = (numba.int64,)
    code = private.Code(private.serialize.dumps(cubed.overloads[key]._reduce()), ("no_such_symbol",), 0)
    with pytest.raises(private.Refused, match="no_such_symbol"):
        private.install(numba.njit(cubed.py_func), code, key)


@pytest.mark.usefixtures("warm")
def test_a_unit_that_goes_back_and_forth_keeps_one_compiled_version():
    class Alternating:
        """Down after every installation, up at the next question."""

        reasons = ("up", "down", "wait")

        def start(self, setup):
            self.downs = 0

        def decide(self, view):
            if view.tier == 0:
                return protocol.stay("wait") if view.pending else protocol.compile(1, "up", budget=3)
            self.downs += 1
            return protocol.deoptimize(0, "down", budget=3) if self.downs < 20 else protocol.stay("wait")

        def record(self, event):
            pass

    controller = Alternating()

    @tiering.jit(interpret="always", controller=controller)
    def squared(x):
        return x * x

    results = call_until(lambda: squared(7), lambda: controller.downs >= 20)
    assert set(results) == {49}
    assert len(squared.overloads) == 1
    assert squared.tiering.units[0].where == "in a worker process"
