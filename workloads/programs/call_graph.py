"""Flights of a glider: ten small functions that call each other, five deep, and a search for the best controls.

One meets it in every simulation that was written by an engineer: one function per formula. The formulas are called from
the equations of motion, these from the integrator, that from the flight, the flight from the search; the air's density
is also called from the driver, and so is a flight.

The leaves are the hottest by count, thousands of calls per flight, and gain nothing by themselves: a compiled leaf that
is called from interpreted code still pays the call. What must be compiled is the flight, at the top, which is called a
few hundred times and stands in no loop of compiled code. Counting invocations starts at the wrong end of this graph;
and a compiler that inlines compiles the leaves again with each caller.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernel import bound_all
from ..program import Decorate, WholeProgram
from ..workload import Floats

STEP = 0.1
MASS = 320.0
AREA = 10.5
GRAVITY = 9.81
DAYS = 8


def search(controls: Floats, wind: Floats, width: float, rounds: int, steps: int) -> float:
    """Improve `controls` in place by trying each up and down, the width halved per round; return the range flown."""
    best = flight(controls, wind, steps)
    for _ in range(rounds):
        for i in range(len(controls)):
            for side in range(2):
                kept = float(controls[i])
                controls[i] = kept + (width if side == 0 else -width)
                tried = flight(controls, wind, steps)
                if tried > best:
                    best = tried
                else:
                    controls[i] = kept
        width *= 0.5
    return best


def flight(controls: Floats, wind: Floats, steps: int) -> float:
    """How far a glider comes from 400 m within `steps` steps at the lift that `controls` ask for, in equal spans."""
    state = np.zeros(4)
    state[1], state[2] = 400.0, 28.0
    scratch = np.zeros((5, 4))
    for step in range(steps):
        asked = float(controls[step * len(controls) // steps])
        advance(state, lift_coefficient(asked), wind, scratch)
        if float(state[1]) <= 0.0:
            break
    return float(state[0]) - 2.0 * max(-float(state[1]), 0.0)


def advance(state: Floats, lift: float, wind: Floats, scratch: Floats) -> None:
    """One step of Runge and Kutta's method on `state`: distance, height and their rates."""
    motion(state, lift, wind, scratch, 0)
    shifted(state, scratch, 0, 0.5 * STEP)
    motion(scratch[4], lift, wind, scratch, 1)
    shifted(state, scratch, 1, 0.5 * STEP)
    motion(scratch[4], lift, wind, scratch, 2)
    shifted(state, scratch, 2, STEP)
    motion(scratch[4], lift, wind, scratch, 3)
    for i in range(4):
        middle = 2.0 * float(scratch[1, i]) + 2.0 * float(scratch[2, i])
        state[i] = float(state[i]) + STEP / 6.0 * (float(scratch[0, i]) + middle + float(scratch[3, i]))


def shifted(state: Floats, scratch: Floats, row: int, length: float) -> None:
    """Write `state` plus `length` times the rates in `row` of `scratch` into its last row."""
    for i in range(4):
        scratch[4, i] = float(state[i]) + length * float(scratch[row, i])


def motion(state: Floats, lift: float, wind: Floats, scratch: Floats, row: int) -> None:
    """Write the rates of change of `state` into `row` of `scratch`."""
    climb = float(state[3]) - updraft(float(state[0]), wind)
    speed = math.sqrt(float(state[2]) * float(state[2]) + climb * climb)
    pressure = dynamic_pressure(float(state[1]), speed)
    upward, against = lift * pressure / MASS, drag_coefficient(lift) * pressure / MASS
    cosine, sine = float(state[2]) / speed, climb / speed
    scratch[row, 0], scratch[row, 1] = float(state[2]), float(state[3])
    scratch[row, 2] = -against * cosine - upward * sine
    scratch[row, 3] = upward * cosine - against * sine - GRAVITY


def dynamic_pressure(height: float, speed: float) -> float:
    """The force on the whole wing at a coefficient of one, in newtons."""
    return 0.5 * density(height) * speed * speed * AREA


def density(height: float) -> float:
    """The air's density at `height` metres, in kg/m^3, by the standard atmosphere's exponential."""
    return 1.225 * math.exp(-height / 8500.0)


def lift_coefficient(asked: float) -> float:
    """What the wing gives of the lift that is `asked` for: it stalls above 1.4."""
    return max(1.4 - 2.0 * (asked - 1.4), 0.2) if asked > 1.4 else max(asked, 0.1)


def drag_coefficient(lift: float) -> float:
    """The drag that belongs to `lift`: parasitic, and induced on a wing of aspect ratio 21."""
    return 0.012 + lift * lift / (math.pi * 21.0 * 0.95)


def updraft(distance: float, wind: Floats) -> float:
    """The rise of the air at `distance`: thermals of the strengths in `wind`, 600 m apart and half as wide."""
    place = distance / 600.0
    number = int(place)
    if place < 0.0 or number >= len(wind):
        return 0.0
    off = 4.0 * (place - number) - 2.0
    return float(wind[number]) * math.exp(-off * off)


GRAPH = (
    *(search, flight, advance, shifted, motion, dynamic_pressure, density),
    *(lift_coefficient, drag_coefficient, updraft),
)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the ranges before and after the search under each wind, the controls, and the air by height."""
    graph = dict(zip((each.__name__ for each in GRAPH), bound_all(GRAPH, decorate), strict=True))
    random = np.random.Generator(np.random.PCG64(28))
    air = np.array([graph["density"](10.0 * tens) for tens in range(300)])
    ranges, flown = np.zeros((2, DAYS))
    controls = np.zeros((DAYS, 4))
    for day in range(DAYS):
        wind = random.uniform(-1.0, 3.0, 25)
        controls[day] = random.uniform(0.5, 1.5, 4)
        ranges[day] = graph["flight"](controls[day], wind, 300 + 100 * (day % 2))
        flown[day] = graph["search"](controls[day], wind, 0.2, 7 + day % 3, 300 + 100 * (day % 2))
    return {"ranges": ranges, "flown": flown, "controls": controls, "air": air}


PROGRAM = WholeProgram(
    name="call_graph",
    summary="a glider's controls optimised through ten small functions that call each other",
    length="medium",
    stresses="the hottest functions are leaves that gain nothing alone; the one to compile is called least",
    run=run,
)
