"""The loop over the calls, in the shape in which both CPython and Numba can run it.

A call that spends no budget, meets no failing guard and enters no new code cannot be noticed by any policy, and what
it does is addition. So everything that such calls touch lies in flat arrays of 64-bit integers, and `run` advances over
them until somebody must look: the next event of the simulation, or a call that needs attention.

Patterns that repeat many times are not even looped over: whole rounds are added by one product as long as no round
reaches a limit (closed form). `run` over memoryviews in CPython suits small programs, since importing Numba takes
longer than 100,000 calls; larger ones use the compiled one. Both are this one function.

Rejected: the budget as a countdown. A limit to be compared with a running total needs one store less per call, and
rounds in closed form come out of a division.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

NEVER = 1 << 62
"""An instant, an index or a count that nothing reaches."""

UNIT = 8
"""Integers per unit; what stands at which place follows."""
MADE = 0  # calls that have begun
COUNTS = 1  # invocations and backedges
ASK = 2  # the value of COUNTS at which the controller is to be asked
STOP = 3  # the value of MADE at which a call needs attention at its entry
LAST = 4  # instant of the last entry
SPENT = 5  # picoseconds in the present tier since that was entered
TIER = 6  # the present tier

CALL = 4
"""Integers per call id."""
OWNER = 0  # place of its unit's integers
COUNT = 1  # 1 + backedges
COST = 2  # picoseconds in the present tier of its unit

THREAD = 8
"""Integers per thread of the program."""
CLOCK = 0  # instant of the next entry, or of whatever the thread waits for
PLACE = 1  # index of the next call in the block
ROUNDS = 2  # rounds of the block that are left
LENGTH = 3  # calls in the block
OFFSET = 4  # where the block begins in the ids
BEGAN = 5  # instant of the entry of the last call
CALLED = 6  # its call id
WAITS = 7  # 1: needs attention at CLOCK; 0: makes its next call there


def run(units: Any, calls: Any, ids: Any, threads: Any, sums: Any, horizon: int) -> int:
    """Make calls until `horizon` (-1 is returned) or until a thread needs attention at its CLOCK (its index).

    Where a single thread stops because a budget is spent at an entry, which is nearly always, -2 - the index of the
    unit is returned instead, and nobody has to look for the reason. Entries before `horizon` are made, later ones not.
    Of threads that are due at the same instant the first goes first. `sums` holds two integers per unit, all zero.
    """
    while True:
        thread, clock = 0, threads[CLOCK]
        for other in range(THREAD, len(threads), THREAD):
            if threads[other + CLOCK] < clock:
                thread, clock = other, threads[other + CLOCK]
        if clock >= horizon:
            return -1
        if threads[thread + WAITS] or threads[thread + ROUNDS] == 0:
            return thread // THREAD
        until = horizon
        for other in range(0, len(threads), THREAD):
            if other < thread:
                until = min(until, threads[other + CLOCK])
            elif other > thread:
                until = min(until, threads[other + CLOCK] + 1)
        place, rounds = threads[thread + PLACE], threads[thread + ROUNDS]
        length, offset = threads[thread + LENGTH], threads[thread + OFFSET]
        began, called = threads[thread + BEGAN], threads[thread + CALLED]
        attention, asked = False, -1
        while clock < until:
            if place == 0 and rounds > 2 and length <= 256:
                skipped = whole_rounds(units, calls, ids, sums, offset, length, rounds - 1, clock, until)
                if skipped:
                    took = add_rounds(units, calls, ids, offset, length, skipped, clock)
                    clock += took * skipped
                    rounds -= skipped
                    began = clock - calls[ids[offset + length - 1] * CALL + COST]
                    called = ids[offset + length - 1]
                    continue
            call = ids[offset + place] * CALL
            unit = calls[call + OWNER]
            counts = units[unit + COUNTS] + calls[call + COUNT]
            if counts >= units[unit + ASK] or units[unit + MADE] >= units[unit + STOP]:
                attention = True
                if units[unit + COUNTS] + 1 >= units[unit + ASK]:
                    asked = unit // UNIT
                break
            cost = calls[call + COST]
            units[unit + MADE] += 1
            units[unit + COUNTS] = counts
            units[unit + LAST] = clock
            units[unit + SPENT] += cost
            began, called = clock, ids[offset + place]
            clock += cost
            place += 1
            if place == length:
                place = 0
                rounds -= 1
                if rounds == 0:
                    attention = True
                    break
        threads[thread + CLOCK], threads[thread + PLACE], threads[thread + ROUNDS] = clock, place, rounds
        threads[thread + BEGAN], threads[thread + CALLED] = began, called
        if attention and clock < until:
            return -2 - asked if asked >= 0 and len(threads) == THREAD else thread // THREAD


def whole_rounds(
    units: Any, calls: Any, ids: Any, sums: Any, offset: int, length: int, rounds: int, clock: int, until: int
) -> int:
    """How many rounds of a block end before `until` without a call that needs attention; at most `rounds`."""
    took = 0
    for place in range(offset, offset + length):
        call = ids[place] * CALL
        unit = calls[call + OWNER]
        took += calls[call + COST]
        sums[unit // UNIT * 2] += 1
        sums[unit // UNIT * 2 + 1] += calls[call + COUNT]
    if took:
        rounds = min(rounds, (until - 1 - clock) // took)
    for place in range(offset, offset + length):
        unit = calls[ids[place] * CALL + OWNER]
        made, counts = sums[unit // UNIT * 2], sums[unit // UNIT * 2 + 1]
        if made:
            rounds = min(rounds, (units[unit + STOP] - units[unit + MADE]) // made)
            rounds = min(rounds, (units[unit + ASK] - 1 - units[unit + COUNTS]) // counts)
            sums[unit // UNIT * 2] = 0
            sums[unit // UNIT * 2 + 1] = 0
    return max(0, rounds)


def add_rounds(units: Any, calls: Any, ids: Any, offset: int, length: int, rounds: int, clock: int) -> int:
    """Make all calls of so many rounds, and say how long one round takes."""
    took = 0
    for place in range(offset, offset + length):
        took += calls[ids[place] * CALL + COST]
    clock += took * (rounds - 1)
    for place in range(offset, offset + length):
        call = ids[place] * CALL
        unit = calls[call + OWNER]
        units[unit + MADE] += rounds
        units[unit + COUNTS] += calls[call + COUNT] * rounds
        units[unit + SPENT] += calls[call + COST] * rounds
        units[unit + LAST] = clock
        clock += calls[call + COST]
    return took


def pick(raw: Any, limits: Any, others: Any, ids: Any, columns: Any, half: Any, low: Any, picked: Any) -> None:
    """The loop of `source.draw`: one entry of an alias table for each raw draw, all in unsigned 64-bit numbers."""
    for place in range(len(raw)):
        column = (raw[place] >> half) * columns >> half
        if (raw[place] & low) < limits[column]:
            picked[place] = ids[column]
        else:
            picked[place] = ids[others[column]]


@cache
def compiled_pick() -> Callable[..., None]:
    """`pick`, compiled by Numba."""
    jitted: Callable[..., None] = jit(pick)
    return jitted


@cache
def compiled() -> Callable[..., int]:
    """`run`, compiled by Numba; kept on disk where that can be written to."""
    helpers = {function.__name__: jit(function) for function in (whole_rounds, add_rounds)}
    bound = FunctionType(run.__code__, {**globals(), **helpers}, "run")
    bound.__module__, bound.__qualname__ = run.__module__, run.__qualname__
    jitted: Callable[..., int] = jit(bound)
    return jitted


def jit(function: Callable[..., Any]) -> Any:
    """A function, compiled by Numba when it is first called; kept on disk where that can be written to."""
    import numba

    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # there is no place where compiled code could be kept
        return numba.njit(function)
