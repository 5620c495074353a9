"""Real compiles on the simulated clock: what is measured is what is charged, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from tiering import experiment, profile, real, registry, trace
from tiering.errors import InputError
from tiering.live import private
from tiering.profile import Machine, Pool, Profile, TierCosts, UnitCosts
from tiering.programs import program
from tiering.protocol import Plan, compile, stay
from tiering.real import Measured, NumbaMeasurer, Sample, prepare, typical_calls
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("optimized", 50.0, compile_seconds=7.0)))
STEPS = registry.WORKLOADS.load("heavy_ball").sizes["small"]["steps"]


class MadeUp:
    """Every function takes 10 ms interpreted and 1 ms compiled; a compile takes 2.005 s of processor time."""

    def __init__(self, message=""):
        self.message = message
        self.asked = []

    def interpreted(self, unit):
        return 0.01

    def compiled(self, unit):
        self.asked.append(unit)
        return Measured(99.0, 2.005, 640, 0.001, self.message)


class Asking:
    """Asks for optimized code of the named units at their first question, and for nothing else."""

    reasons = ("asking",)

    def __init__(self, *units):
        self.units = units

    def start(self, setup):
        self.events = []

    def decide(self, view):
        wanted = view.unit in self.units and view.tier == 0 and view.pending is None and not view.failures
        return compile(1, "asking") if wanted else stay("asking")

    def record(self, event):
        self.events.append(event)


def run(measurer, controller, workload="heavy_ball"):
    subject, machine, hook = prepare(workload, "small", MACHINE, measurer=measurer)
    return Simulation(subject, machine, controller, compile=hook).run()


def test_what_was_measured_is_charged_to_the_simulated_clock():
    """The 201st call begins at 2 s, before the code is there; all later ones run compiled. Wall time is not charged."""
    result = run(MadeUp(), Asking("heavy_ball_step"))
    assert (result.compile_seconds, result.compiles, result.code_bytes) == (2.005, 1, 640)
    assert result.total_seconds == pytest.approx(201 * 0.01 + (STEPS - 201) * 0.001, abs=1e-11)


def test_a_compile_that_fails_is_charged_and_leaves_the_interpreter():
    controller = Asking("heavy_ball_step")
    result = run(MadeUp("no such luck"), controller)
    assert (result.compile_seconds, result.failed_compile_seconds) == (2.005, 2.005)
    assert (result.compiles, result.failures) == (0, 1)
    assert result.total_seconds == pytest.approx(STEPS * 0.01, abs=1e-11)
    assert [event.message for event in controller.events] == ["no such luck"]


@pytest.mark.parametrize("units", [(), ("adam_step",), ("huber_gradient", "adam_step")])
def test_what_the_controller_asked_for_is_compiled_and_nothing_else(units):
    measurer = MadeUp()
    run(measurer, Asking(*units), "adam")
    assert measurer.asked == list(units)


def test_a_call_costs_its_share_of_the_mean_call():
    """The smaller last batch of an epoch takes less, compiled as well as interpreted."""
    subject, _, hook = prepare("sgd_logistic", "small", MACHINE, measurer=MadeUp())
    assert [unit.seconds for unit in subject.units] == [{"interpreter": 0.01}] * 2
    assert hook("descend", "optimized", Plan()) == hook("descend", "optimized", Plan(registers="light"))
    guessed = program("sgd_logistic", "small", MACHINE)
    assert subject.groups == guessed.groups
    assert len({call.work for group in subject.groups for call in group.pattern}) > 1


def test_the_machine_keeps_the_tiers_that_exist():
    pools = (Pool(1, ("baseline",)), Pool(2, ("optimized", "speculative")))
    given = profile.reference()._replace(machine=Machine(pools, cores=2))
    machine = prepare("adam", "small", given, measurer=MadeUp()).profile
    assert [tier.name for tier in machine.tiers] == ["interpreter", "optimized"]
    assert machine.machine == Machine((Pool(2, ("optimized",)),), cores=2)
    assert profile.broken_rule(machine) is None
    everything = given._replace(machine=Machine((Pool(3),)))
    assert prepare("adam", "small", everything, measurer=MadeUp()).profile.machine == Machine((Pool(3),))


def test_costs_that_a_profile_brings_are_not_used():
    """They may be those of a tier that is left out, and what is measured now would be charged beside them."""
    costs = UnitCosts({"interpreter": 5.0, "baseline": 2.0}, {"baseline": 1.0}, {"baseline": 9})
    given = profile.reference()._replace(units={"heavy_ball/small/heavy_ball_step": costs})
    subject, machine, hook = prepare("heavy_ball", "small", given, measurer=MadeUp())
    assert [unit[2:5] for unit in subject.units] == [({"interpreter": 0.01}, {}, {})]
    assert Simulation(subject, machine, Asking("heavy_ball_step"), compile=hook).run().compile_seconds == 2.005


def test_a_machine_without_an_optimized_tier_is_refused():
    given = Profile((TierCosts("interpreter", 1.0), TierCosts("fast", 4.0)))
    with pytest.raises(InputError, match="has tiers interpreter, fast; a real compile needs a tier 'optimized'"):
        prepare("adam", "small", given, measurer=MadeUp())


ONE_CALL = Program("one call", (Unit("f", 3),), (Group((Call(0),), 1),))


@pytest.mark.parametrize(
    ("workload", "line"),
    [
        ("zipf", "workload 'zipf': has no functions to be really compiled; take one of gradient_descent, "),
        ("adm", "unknown workload 'adm': did you mean 'adam'?"),
        (ONE_CALL, "workload 'one call': has no functions to be really compiled"),
        ("calls.jsonl", "workload 'calls.jsonl': has no functions to be really compiled"),
    ],
)
def test_only_real_functions_can_be_really_compiled(tmp_path, monkeypatch, workload, line):
    monkeypatch.chdir(tmp_path)
    trace.write(ONE_CALL, "calls.jsonl")
    with pytest.raises(InputError) as refused:
        experiment.simulate(workload, "pi", compiler="real")
    assert line in str(refused.value)


def test_an_oracle_and_an_unknown_compiler_are_refused(monkeypatch):
    monkeypatch.setattr(real, "NumbaMeasurer", lambda *_: MadeUp())
    with pytest.raises(InputError, match="controller 'oracle': needs the future"):
        experiment.simulate("adam", "oracle", size="small", compiler="real")
    with pytest.raises(InputError, match="unknown compiler 'rael': did you mean 'real'"):
        experiment.simulate("adam", "pi", size="small", compiler="rael")


def count_up(values, step):
    for i in range(len(values)):
        values[i] += step
    return values[0]


def test_a_recorded_call_is_repeated_with_its_own_arguments():
    values = np.zeros(3)
    sample = Sample((values, 1.0), 2.0)
    values += 7.0
    seen = []

    def watching(given, step):
        seen.append(given.copy())
        return count_up(given, step)

    first = sample.outcome(watching)
    sample.watch(watching)
    assert sample.seconds(watching) > 0.0
    assert sample.outcome(watching) == first
    assert len(seen) > real.FEWEST
    assert all((given == 0.0).all() for given in seen)
    assert (values == 7.0).all()


def test_two_answers_are_equal_only_if_all_bits_are():
    assert real._bits((0.0, np.array([np.nan]))) == real._bits((0.0, np.array([np.nan])))
    for one, other in ((0.0, -0.0), (1, 1.0), (1, True), (np.zeros(2), np.zeros(3)), (np.zeros(1), -np.zeros(1))):
        assert real._bits(one) != real._bits(other)


def workload_of(function, numbers):
    """A toy: `function` called once with each number, of which each stands for as many iterations."""
    calls = tuple(SimpleNamespace(function=function.__name__, backedges=number) for number in numbers)
    return SimpleNamespace(
        name="toy",
        functions=(function,),
        sizes={"small": {}},
        make=lambda size, seed: numbers,
        run=lambda functions, numbers: [functions[0](number) for number in numbers],
        schedule=lambda size: (SimpleNamespace(pattern=calls, times=1),),
    )


def measurer_of(function, numbers):
    toy = workload_of(function, numbers)
    return NumbaMeasurer(toy, "small", program(toy, "small", MACHINE))


def cube(number):
    return number * number * number


def test_the_call_nearest_to_the_mean_is_the_typical_one():
    """The mean of 1, 5, 2, 4, 9, 3, 4 is 4, so the fourth call has work 1."""
    seen = []

    def noting(number):
        seen.append(number)

    toy = workload_of(noting, [1, 5, 2, 4, 9, 3, 4])
    sample = typical_calls(toy, "small", program(toy, "small", MACHINE))["noting"]
    assert (sample.work, sample.arguments()) == (1.0, (4,))
    assert seen == [1, 5, 2, 4, 9, 3, 4]


def test_of_two_calls_equally_near_the_first_one_is_typical():
    toy = workload_of(cube, [3, 5])
    assert typical_calls(toy, "small", program(toy, "small", MACHINE))["cube"].arguments() == (3,)


def test_a_long_driver_is_left_when_enough_was_seen():
    seen = []

    def noting(number):
        seen.append(number)

    toy = workload_of(noting, [3] * 1000)
    typical_calls(toy, "small", program(toy, "small", MACHINE))
    assert len(seen) < real.CALLS


def test_a_driver_that_leaves_its_schedule_is_noticed():
    toy = workload_of(cube, [1, 2, 3])
    short = program(workload_of(cube, [1, 2]), "small", MACHINE)
    with pytest.raises(RuntimeError, match="toy: calls cube where its schedule has nothing"):
        typical_calls(toy, "small", short)


def test_every_compile_is_made_anew_and_the_first_one_after_a_warm_up(monkeypatch):
    done = []

    class Counting(private.TieredDispatcher):
        def compile(self, key):
            done.append("compile")
            return super().compile(key)

    monkeypatch.setattr(private, "TieredDispatcher", Counting)
    monkeypatch.setattr(private, "WARM_UP", (lambda: done.append("warm-up"),))
    measurer = measurer_of(cube, [2, 2])
    assert [measurer.compiled("cube").message for _ in range(2)] == ["", ""]
    assert done == ["warm-up", "compile", "compile"]


def test_code_that_answers_otherwise_is_a_failed_compile():
    """Python's integers grow; those of compiled code wrap around at 64 bits."""
    made = measurer_of(cube, [3_000_000_000]).compiled("cube")
    assert made.message == "compiled code answers otherwise than the interpreter"
    assert (made.code_bytes, made.cpu_seconds > 0.0) == (0, True)


def test_a_numba_that_is_not_known_is_refused(monkeypatch):
    monkeypatch.setattr(private, "PROVED", ((0, 1),))
    with pytest.raises(InputError, match=r"real compiles: Numba .* proved on \(0\.1\); take the compiler 'model'"):
        measurer_of(cube, [1])


def unsupported(number):
    return [number, "text", {}][0]


def test_what_numba_refuses_is_a_failed_compile_with_its_message():
    made = measurer_of(unsupported, [1]).compiled("unsupported")
    assert made.message.startswith("TypingError: ")
    assert "\n" not in made.message


def test_options_are_those_of_njit_with_checked_bounds():
    assert numba.njit(boundscheck=True)(cube).targetoptions == real.OPTIONS


@pytest.mark.parametrize("workload", registry.KERNELS)
def test_every_kernel_compiles_and_answers_as_the_interpreter_does(workload, monkeypatch):
    monkeypatch.setattr(real, "BUDGET_SECONDS", 0.005)
    subject, _, hook = prepare(workload, "small", MACHINE)
    for unit in subject.units:
        made = hook(unit.name, "optimized", Plan())
        assert not made.fails, made.message
        assert made.bytes > 1000
        assert made.compile > 0
        assert made.measured > 0.0
        assert unit.seconds["interpreter"] > 0.0


def test_a_row_says_that_its_compiles_were_real():
    """Compiles that stop the program are over when it ends, however long they take."""
    row = experiment.simulate("heavy_ball", "always", size="small", machine=["background=false"], compiler="real")
    assert (row.workload, row.kind, row.compiles, row.failures) == ("heavy_ball", "policy", 1, 0)
    assert (row.calls, row.regret, row.parameters["compiler"]) == (STEPS, None, "real")
    assert row.stall_seconds >= row.compile_seconds > 0.0


def test_numba_is_imported_only_when_something_is_compiled():
    code = "import sys, tiering.real, tiering.experiment; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
