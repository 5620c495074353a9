"""When to compile, against what is proven: ski rental with a residual rent, and the hazard rule.

One unit, compiles that stop the program, one thread: then a run costs exactly rent + price + residual rent.
Interpreted calls cost 1, compiled ones r = 1/S, a compile B; break-even is at b = B / (1 - r) calls. Published
results (Z. Lotker, B. Patt-Shamir and D. Rawitz, *Rent, Lease or Buy*, STACS 2008):

- compiling once b has been spent costs at most 2 - r times the optimum, and an adversary makes it cost that;
- compiling at a random t < b of the law F below, or never, costs on average at most c = e / (e - 1 + r) times the
  optimum, however many calls there are; no rule does better.

The optimum is `lb2`, which is exact here. Whoever runs the program knows nothing of its length, so one run of a long
one holds the cost of all shorter ones: `Simulation.marks` says when each was over.

If the law of lengths is known, the best threshold is where the hazard of the length falls through 1/b (D. Ungar, US
patent 6993755): for a Pareto law of exponent alpha at alpha * b.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.validation import batch_means
from tiering import bounds
from tiering.profile import Profile, TierCosts
from tiering.protocol import compile, stay
from tiering.registry import controller
from tiering.sim import Simulation
from tiering.sim.draws import stream, uniform
from tiering.trace import Call, Group, Program, Unit

SPEEDS = (2, 4, 10)
BREAK_EVEN = 200
LENGTHS = (1, 2, 5, 20, 60, 100, 140, 180, 199, 200, 201, 202, 220, 300, 500, 1000, 5000)


class AtCount:
    """Compiles before call `count` + 1; never for None."""

    reasons = ("now", "later")

    def __init__(self, count):
        self.count = count

    def start(self, setup):
        pass

    def decide(self, view):
        if self.count is None or view.tier:
            return stay("later")
        missing = self.count + 1 - view.invocations
        return compile(1, "now") if missing <= 0 else stay("later", budget=missing)

    def record(self, event):
        pass


class UniformLaw(AtCount):
    """Draws its count from the law F(t) = (c - 1) (exp(t) - 1) / (1 - r), t in units of break-even."""

    def __init__(self, residual):
        super().__init__(None)
        self.residual = residual

    def start(self, setup):
        self.count = law_quantile(self.residual, uniform(stream(setup.seed, "policy", "rent or buy")))


def competitive(residual):
    return math.e / (math.e - 1 + residual)


def law(residual, t):
    return (competitive(residual) - 1) * math.expm1(min(t, 1.0)) / (1 - residual)


def law_quantile(residual, share):
    t = math.log1p(share * (1 - residual) / (competitive(residual) - 1))
    return math.floor(t * BREAK_EVEN) if t < 1 else None


def machine(speed):
    price = BREAK_EVEN * (1 - 1 / speed)
    return Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", speed, price)), background=False)


def one_unit(speed, lengths=LENGTHS):
    """A program that is cut at each of `lengths`."""
    unit = Unit("f", 1, {"interpreter": 1.0, "compiled": 1 / speed})
    cuts = [later - sooner for sooner, later in zip((0, *lengths), lengths, strict=False)]
    return Program("one unit", (unit,), tuple(Group((Call(0),), times) for times in cuts))


def ratios(policy, speed, seed=0):
    """Cost over optimum of a program of each length."""
    simulation = Simulation(one_unit(speed), machine(speed), policy, seed=seed)
    return [mark / best for mark, best in zip(ends(simulation), optimum(speed), strict=True)]


def ends(simulation):
    """Seconds at which each group of the program was over; the first mark is the start."""
    simulation.run()
    return simulation.marks()[1:]


def optimum(speed):
    price = BREAK_EVEN * (1 - 1 / speed)
    return [min(length, price + length / speed) for length in LENGTHS]


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_optimum_is_the_bound_for_one_core(speed):
    for length, best in zip(LENGTHS, optimum(speed), strict=True):
        assert bounds.bound("lb2").seconds(one_unit(speed, (length,)), machine(speed)) == pytest.approx(best)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize(
    ("name", "settings", "late"), [("threshold", {"count": BREAK_EVEN + 1}, 0), ("cost_benefit", {}, 1)]
)
def test_break_even_costs_at_most_2_minus_r_times_the_optimum_and_an_adversary_reaches_it(speed, name, settings, late):
    """`cost_benefit` compiles once more than break-even has been spent, which is one call later."""
    found = ratios(controller(name, settings), speed)
    assert max(found) <= 2 - 1 / speed + late / BREAK_EVEN
    assert max(found) == pytest.approx(2 - 1 / speed, rel=0.01)
    assert LENGTHS[found.index(max(found))] in (BREAK_EVEN + 1, BREAK_EVEN + 2)
    assert found[0] == 1.0


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_no_other_fixed_count_is_as_safe(speed, factor):
    count = round(BREAK_EVEN * factor)
    lengths = (*range(1, 60), count, count + 1, 2 * BREAK_EVEN)
    simulation = Simulation(one_unit(speed, sorted(set(lengths))), machine(speed), AtCount(count))
    price = BREAK_EVEN * (1 - 1 / speed)
    best = [min(length, price + length / speed) for length in sorted(set(lengths))]
    assert max(mark / least for mark, least in zip(ends(simulation), best, strict=True)) > 2 - 1 / speed + 0.02


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_random_law_costs_on_average_at_most_c_times_the_optimum(speed):
    """Exactly, by summing over all counts that the law can draw. Rounding down to a whole call never costs more."""
    residual = 1 / speed
    steps = [law(residual, count / BREAK_EVEN) for count in range(BREAK_EVEN + 1)]
    mean = (1 - steps[-1]) * np.array(ratios(AtCount(None), speed))
    for count in range(BREAK_EVEN):
        mean += (steps[count + 1] - steps[count]) * np.array(ratios(AtCount(count), speed))
    assert max(mean) <= competitive(residual) + 1e-9
    assert min(mean[3:]) >= competitive(residual) - 0.02
    assert max(mean) < 2 - residual - 0.2


@pytest.mark.parametrize(("speed", "guaranteed"), [(2, 1.225), (4, 1.381), (10, 1.495)])
def test_the_random_law_as_a_policy_that_draws_from_its_seed(speed, guaranteed):
    """Published constants, and the 99 % interval of 300 seeds around them."""
    assert competitive(1 / speed) == pytest.approx(guaranteed, abs=5e-4)
    drawn = [ratios(UniformLaw(1 / speed), speed, seed) for seed in range(300)]
    at_break_even = batch_means([found[LENGTHS.index(BREAK_EVEN)] for found in drawn])
    assert at_break_even.low <= competitive(1 / speed) <= at_break_even.high
    assert at_break_even.high - at_break_even.mean < 0.12


PARETO_BREAK_EVEN = 100
REPLICATIONS, UNITS = 30, 50
FACTORS = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)


def pareto(alpha):
    """Units, each called by itself N times; P(N >= n) = (n / least)^-alpha. A mark after each unit.

    Replications are independent; within one each unit draws from its own share of the law, which makes means exacter.
    """
    least, bits = alpha * PARETO_BREAK_EVEN / 5, stream(7, "pareto", str(alpha))
    shares = [(unit + uniform(bits)) / UNITS for _ in range(REPLICATIONS) for unit in range(UNITS)]
    times = [min(10**6, math.ceil(least * (1 - share) ** (-1 / alpha))) for share in shares]
    units = tuple(Unit(f"u{number}", 1) for number in range(len(times)))
    return Program("pareto", units, tuple(Group((Call(number),), n) for number, n in enumerate(times)))


def pareto_costs(program, count):
    """Seconds per unit above what no rule can avoid, by replication."""
    tiers = (TierCosts("interpreter", 1.0), TierCosts("compiled", 1000.0, PARETO_BREAK_EVEN * 0.999))
    units = tuple(unit._replace(seconds={"interpreter": 1.0, "compiled": 1e-3}) for unit in program.units)
    simulation = Simulation(program._replace(units=units), Profile(tiers, background=False), AtCount(count))
    costs = np.array(ends(simulation))[UNITS - 1 :: UNITS]
    calls = np.array([group.times for group in program.groups]).reshape(REPLICATIONS, UNITS).sum(axis=1)
    return (np.diff(costs, prepend=0.0) - 1e-3 * calls) / UNITS


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_for_a_pareto_law_the_best_count_is_alpha_times_break_even(alpha):
    """The same units for every count: every other count of the sweep costs more, and the interval says so."""
    program = pareto(alpha)
    costs = {factor: pareto_costs(program, round(alpha * PARETO_BREAK_EVEN * factor)) for factor in FACTORS}
    for factor in FACTORS:
        assert factor == 1.0 or interval(costs[factor] - costs[1.0])[0] > 0.0


def interval(values):
    """99 % of a mean of 30 replications."""
    half = 2.756 * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean() - half, values.mean() + half


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_the_cost_of_a_count_is_that_of_the_integral(alpha):
    """E cost = E min(N, t) + price * P(N > t), for a law that begins at `least` (calls rounded up add up to one)."""
    program = pareto(alpha)
    least, t = alpha * PARETO_BREAK_EVEN / 5, round(alpha * PARETO_BREAK_EVEN)
    tail = (least / t) ** alpha
    if alpha == 1.0:
        rented = least * (1 + math.log(t / least))
    else:
        rented = least + (least**alpha * t ** (1 - alpha) - least) / (1 - alpha)
    low, high = interval(pareto_costs(program, t))
    assert low - 1.0 <= rented * 0.999 + tail * PARETO_BREAK_EVEN * 0.999 <= high
