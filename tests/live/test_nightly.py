"""The long ones: generated programs in every tier, workers killed at any moment, promotion and deoptimization for long.

A generated program is a loop over two float arrays whose body is a random expression tree of exactly rounded
operations, so that CPython and compiled code must agree to the last bit; some of them index out of bounds or raise.
"""

from __future__ import annotations

import linecache
import os
import random
import signal
import threading
import time
from contextlib import suppress

import numba
import numpy as np
import pytest

import tiering
from tiering import protocol
from tiering.live.runtime import RUNTIME

from .support import PATIENCE, call_until, eventually, outcome

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.nightly, pytest.mark.timeout(1800)]

LEAVES = ("a[i]", "b[i]", "s", "x", "1.5", "-0.25", "float(i)")


def expression(dice: random.Random, depth: int) -> str:
    if depth == 0 or dice.random() < 0.2:
        return dice.choice(LEAVES)
    left, right = expression(dice, depth - 1), expression(dice, depth - 1)
    shape = dice.randrange(7)
    if shape < 3:
        return f"({left} {'+-*'[shape]} {right})"
    if shape == 3:
        return f"({left} / (1.0 + abs({right})))"
    if shape == 4:
        return f"math.sqrt(abs({left}))"
    if shape == 5:
        return f"({left} if {right} < {expression(dice, 0)} else {right})"
    return f"min({left}, max({right}, -1e3))"


def generated(seed: int):
    """A function from source that inspect can find, as one typed into a file."""
    dice = random.Random(seed)
    lines = [
        "import math",
        f"def program_{seed}(a, b, x):",
        "    s = 0.0",
        "    for i in range(a.shape[0]):",
        f"        s = {expression(dice, 3)}",
        f"        if s > {dice.choice((1.0, 10.0, 1e6))}:",
        f"            {dice.choice(('break', 'continue', 's = 0.5', 'raise ValueError(3)'))}",
        f"        b[i + {dice.choice((0, 0, 0, 1))}] = {expression(dice, 2)}",
        "    return s, b[0]",
    ]
    name = f"<generated {seed}>"
    source = "\n".join(lines) + "\n"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    scope = {"__name__": __name__}
    exec(compile(source, name, "exec"), scope)
    return scope[f"program_{seed}"]


@pytest.mark.parametrize("seed", range(60))
def test_a_generated_program_means_the_same_in_every_tier(seed):
    function = generated(seed)
    reference = numba.njit(boundscheck=True)(function)
    tiered = tiering.jit(interpret="always", controller="always")(function)
    required = tiering.jit(function)
    dice = np.random.Generator(np.random.PCG64(seed))

    def agree() -> None:
        a, b = dice.normal(size=(2, dice.integers(1, 40))) * 10.0
        x = float(dice.normal())
        arrays = [b.copy() for _ in range(3)]
        results = [outcome(one, a, array, x) for one, array in zip((reference, tiered, required), arrays, strict=True)]
        assert results[0] == results[1] == results[2]
        assert arrays[0].tobytes() == arrays[1].tobytes() == arrays[2].tobytes()

    call_until(agree, lambda: tiered.tiering.tier == "optimized")
    for _ in range(50):
        agree()


def test_workers_killed_at_random_moments_cost_time_and_nothing_else():
    dice = random.Random(7)
    stop = threading.Event()

    def killing() -> None:
        while not stop.wait(dice.uniform(0.3, 2.0)):
            for pid in RUNTIME.pool.pids() if RUNTIME.pool else []:
                if dice.random() < 0.5:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=killing)
    killer.start()
    try:
        for seed in range(100, 130):
            function = generated(seed)
            reference = numba.njit(boundscheck=True)(function)
            tiered = tiering.jit(interpret="always", controller="always")(function)
            a, b = np.linspace(-3.0, 3.0, 50), np.linspace(0.0, 1.0, 50)
            until = time.monotonic() + 1.0
            while time.monotonic() < until:
                first, second = b.copy(), b.copy()
                assert outcome(tiered, a, first, 0.5) == outcome(reference, a, second, 0.5)
                assert first.tobytes() == second.tobytes()
            if RUNTIME.pool.closed:
                tiering.configure(workers=1)
                tiering.configure(workers=2)
    finally:
        stop.set()
        killer.join()
    tiering.configure(workers=1)
    assert RUNTIME.pool.ready.wait(PATIENCE)
    final = tiering.jit(interpret="always", controller="always")(generated(131))
    call_until(lambda: outcome(final, a, b.copy(), 0.5), lambda: final.tiering.tier == "optimized")


class Restless:
    """Promotes and deoptimizes by turns, as often as it is asked."""

    reasons = ("up", "down", "wait")

    def start(self, setup):
        self.moves = 0

    def decide(self, view):
        if view.pending is not None:
            return protocol.stay("wait", budget=3, wake=0.001)
        self.moves += 1
        if view.tier:
            return protocol.deoptimize(0, "down", budget=3, wake=0.001)
        return protocol.compile(1, "up", budget=3, wake=0.001)

    def record(self, event):
        pass


def test_eight_threads_and_a_restless_controller_for_a_thousand_moves():
    controller = Restless()
    function = tiering.jit(interpret="always", controller=controller, nogil=True)(lambda x: x * 3 + 1)
    enough, wrong = threading.Event(), []

    def calling(number: int) -> None:
        while not enough.is_set():
            if function(number) != 3 * number + 1 or function(0.5) != 2.5:
                wrong.append(number)

    threads = [threading.Thread(target=calling, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 600
        eventually(lambda: controller.moves > 20, "the first moves")
        while controller.moves < 1000 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert controller.moves >= 1000
