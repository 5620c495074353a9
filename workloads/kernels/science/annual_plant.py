"""When an annual plant should stop growing and set seed: dynamic programming over size and time.

Each day a plant of size m makes r m, of which the share u becomes plant and the rest seeds, and it is alive the next
day with the chance s. How should u go over a season of T days? Cohen (Journal of Theoretical Biology 33, 1971, 299)
found that the answer is all or nothing, growth first and then seeds. It follows from the value of a plant, the seeds
that it may expect: linear in size, v_t m with v_T = 0 and v_t = max over u of r (1 - u) + s (1 + r u) v_t+1, so that it
pays to grow exactly while s v_t+1 > 1. At the end one day's seeds after another count, v = r, r (1 + s), ...; before
the switch the value grows by the factor s (1 + r) a day.

The kernel does not know that. It is the program that ecologists write for any such question (Mangel, Clark, Dynamic
Modeling in Behavioral Ecology, 1988): backwards in time, for every size of a grid, over every choice, the value of the
size that follows being interpolated, and beyond the largest size extended, which lets rounding errors grow from day to
day. The check is the line of the theory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices


def interpolated(values: Floats, place: float) -> float:
    """Return the value at a `place` from 0 on a grid of `values`, shape (n,), n >= 2; its last line goes on."""
    below = min(int(place), len(values) - 2)
    part = place - float(below)
    return (1.0 - part) * float(values[below]) + part * float(values[below + 1])


def annual_plant(
    choices: Floats, rate: float, survival: float, smallest: float, spacing: float, values: Floats, policy: Indices
) -> None:
    """Write the expected seeds, shape (days + 1, sizes), and the index of the best choice, shape (days, sizes).

    Sizes are `smallest` + k `spacing`; `choices`, shape (choices,), are the shares that may go into growth. The last
    row of `values` is what a plant is worth when the season is over, and is given.
    """
    days, sizes = policy.shape
    for t in range(days - 1, -1, -1):
        after = values[t + 1]
        for k in range(sizes):
            size = smallest + float(k) * spacing
            best = -1.0
            which = 0
            for c in range(len(choices)):
                share = float(choices[c])
                place = (size + rate * share * size - smallest) / spacing
                value = rate * (1.0 - share) * size + survival * interpolated(after, place)
                if value > best:
                    best = value
                    which = c
            values[t, k] = best
            policy[t, k] = which


def value_of_growth(rate: float, survival: float, days: int) -> Floats:
    """What a plant of size one is worth on each day, the last being the day after the season; shape (days + 1,)."""
    worth = [0.0]
    for _ in range(days):
        worth.append(max(rate + survival * worth[-1], survival * (1.0 + rate) * worth[-1]))
    return cast(Floats, np.array(worth[::-1]))


def inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """A season of `days`, `sizes` and `choices` from 0 to 1; the plant grows by a tenth or more a day."""
    random = np.random.Generator(np.random.PCG64(seed))
    rate, survival = float(random.uniform(0.1, 0.2)), float(random.uniform(0.96, 0.99))
    choices = np.linspace(0.0, 1.0, size["choices"])
    values = np.zeros((size["days"] + 1, size["sizes"]))
    return choices, rate, survival, 1.0, 0.25, values, np.zeros((size["days"], size["sizes"]), np.int64)


def checks(before: tuple[Any, ...], result: None, after: tuple[Any, ...]) -> list[Check]:
    """The value is a line through zero, with the slope of the theory; the plant grows until the day of the theory."""
    choices, rate, survival, smallest, spacing, _, policy = before
    worth = value_of_growth(rate, survival, len(policy))
    sizes = smallest + spacing * np.arange(policy.shape[1])
    expected = np.outer(worth, sizes)
    growing = np.tile(survival * worth[1:, None] > 1.0, len(sizes))
    return [
        Check("seeds", after[5] / expected.max(), expected / expected.max(), 1e-8, "the value is linear in size"),
        Check("seeds at the end", after[5][-2], rate * sizes, 1e-12, "the last day's seeds"),
        Check("choices", after[6], np.where(growing, len(choices) - 1, 0), 0.0, "growth, then seeds: Cohen 1971"),
    ]


KERNELS = (
    Kernel(
        name="annual_plant",
        family="science",
        summary="growth or seeds: the best course of an annual plant by dynamic programming",
        units=(Unit(annual_plant, ("days", "sizes", "choices")), Unit(interpolated)),
        signature="none(float64[::1], float64, float64, float64, float64, float64[:,::1], int64[:,::1])",
        sizes={
            "small": {"days": 30, "sizes": 60, "choices": 6},
            "medium": {"days": 60, "sizes": 800, "choices": 21},
            "large": {"days": 100, "sizes": 3000, "choices": 31},
        },
        inputs=inputs,
        checks=checks,
        bets={},
    ),
)
