"""Workloads by name, file and object become programs, with the costs that a machine profile lends them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tiering import registry, trace
from tiering.errors import InputError
from tiering.profile import Profile, TierCosts, UnitCosts, reference
from tiering.programs import drawn, machine_for, program
from tiering.trace import RECORD, Call, Group, Mix, Program, Speculation, Unit

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("fast", 4.0, compile_seconds=5.0)), backedge_seconds=0.5)
SIX_CALLS = Program("six calls", (Unit("f", 30, {"interpreter": 2.0, "fast": 0.5}),), (Group((Call(0),), 6),))


def step(x):
    for i in range(len(x)):
        x[i] += 1.0


def peek(x):
    return x[0]


def step_or_peek(name, backedges):
    return SimpleNamespace(function=name, backedges=backedges)


WORKLOAD = SimpleNamespace(
    name="toy",
    functions=(step, peek),
    sizes={"small": {"n": 4}, "medium": {"n": 40}},
    schedule=lambda size: (
        SimpleNamespace(pattern=(step_or_peek("step", size["n"]), step_or_peek("peek", 0)), times=3),
        SimpleNamespace(pattern=(step_or_peek("step", 5 * size["n"]),), times=1),
    ),
)


@pytest.mark.parametrize("as_text", [str, lambda path: path])
def test_a_trace_file_is_a_workload(tmp_path, as_text):
    path = tmp_path / "six.jsonl"
    trace.write(SIX_CALLS, path)
    assert program(as_text(path)) == SIX_CALLS


def test_a_program_passes_through():
    assert program(SIX_CALLS) is SIX_CALLS


def test_the_functions_of_a_workload_are_its_units():
    """Mean iterations of `step`: (3 * 4 + 20) / 4 = 8, which at half a second each are 4 s and a bit."""
    made = program(WORKLOAD, "small", MACHINE)
    assert [(unit.name, unit.size) for unit in made.units] == [
        (function.__name__, len(function.__code__.co_code) // 2) for function in (step, peek)
    ]
    assert [unit.seconds for unit in made.units] == [{"interpreter": 4.0 + 1e-7}, {"interpreter": 1e-7}]
    assert made.groups == (Group((Call(0, 4, 0.5), Call(1, 0, 1.0)), 3), Group((Call(0, 20, 2.5),), 1))


def test_measured_costs_of_a_function_are_used():
    costs = UnitCosts({"interpreter": 3.0}, {"fast": 1.0}, {"fast": 77})
    made = program(WORKLOAD, "small", MACHINE._replace(units={"toy/small/step": costs}))
    assert made.units[0][2:5] == costs
    assert made.units[1].compile_seconds == {}


def test_a_workload_by_name_makes_the_calls_of_its_schedule():
    made = program("adam", "small")
    found = registry.WORKLOADS.load("adam")
    schedule = found.schedule(found.sizes["small"])
    assert [(group.times, [made.units[call.unit].name for call in group.pattern]) for group in made.groups] == [
        (repeat.times, [call.function for call in repeat.pattern]) for repeat in schedule
    ]
    assert made.name == "adam"
    assert made.total() == sum(repeat.times * len(repeat.pattern) for repeat in schedule)


def test_a_file_in_the_way_does_not_hide_a_built_in_workload(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adam").write_text("not a trace")
    assert program("adam", "small").name == "adam"


def test_costs_measured_at_another_size_are_scaled_by_iterations_per_call():
    workload = registry.WORKLOADS.load("heavy_ball")
    costs = UnitCosts({"interpreter": 1e-3, "optimized": 1e-5}, {"optimized": 0.1})
    machine = reference()._replace(units={"heavy_ball/medium/heavy_ball_step": costs})
    medium = program(workload, "medium", machine).units[0]
    small = program(workload, "small", machine).units[0]
    iterations = {size: program(workload, size, machine).groups[0].pattern[0].backedges for size in ("small", "medium")}
    assert medium.seconds == costs.seconds
    assert small.seconds["optimized"] == 1e-5 * (iterations["small"] / iterations["medium"])
    assert small.compile_seconds == {"optimized": 0.1}


def betting(**costs):
    return MACHINE._replace(tiers=(*MACHINE.tiers, TierCosts("bold", 8.0, speculative=True, **costs)))


@pytest.mark.parametrize(
    ("unit", "machine", "what"),
    [
        ({}, MACHINE, ()),
        ({"guard_failure": 0.1}, MACHINE, ()),
        ({"guard_failure": 0.1}, betting(), ("guard failures",)),
        ({"speculations": (Speculation("bounds", 0.5),)}, betting(), ()),
        ({"speculations": (Speculation("bounds", 0.5, failures=RECORD),)}, betting(), ("guard failures",)),
        ({}, betting(compile_spread=1.2, compile_failure=0.1), ("compile times", "failed compiles")),
    ],
)
def test_what_a_seed_decides_is_known_from_program_and_machine(unit, machine, what):
    assert drawn(SIX_CALLS._replace(units=(SIX_CALLS.units[0]._replace(**unit),)), machine) == what


def test_a_mix_of_one_call_leaves_nothing_to_draw():
    for calls, what in ((1, ()), (2, ("mixes of calls",))):
        mix = Mix(tuple(Call(0, number) for number in range(calls)), (1.0,) * calls, 6)
        assert drawn(SIX_CALLS._replace(groups=(mix,)), MACHINE) == what


def test_a_made_up_workload_runs_on_the_machine_that_shows_what_it_is_for():
    suited = machine_for("thrashing")
    assert (suited.machine.cores, suited.machine.eviction) == (1, "lru")
    assert "Suited to thrashing: cores=1" in suited.source
    assert machine_for("thrashing", "reference").machine == machine_for("adam").machine
    assert machine_for("thrashing", changes=["cores=2"]).machine.cores == 2


def test_a_program_made_in_python_is_held_to_the_rules_of_a_file():
    broken = Program("broken", (Unit("f", 1, {"interpreter": -1.0}),), (Group((Call(0),), 1),))
    with pytest.raises(InputError, match=r"seconds of interpreter is -1\.0: must be a number from 0"):
        program(broken)
