"""Workloads by name, file and object; controllers by name, class and object; rows beside an oracle and a bound."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from tiering import log, registry, trace
from tiering.errors import InputError, NeedsFuture
from tiering.experiment import Row, compare, program, simulate
from tiering.metrics import measure
from tiering.profile import Profile, TierCosts, UnitCosts, reference
from tiering.protocol import compile, parameter, stay
from tiering.trace import Call, Group, Program, Unit

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("fast", 4.0, compile_seconds=5.0)), backedge_seconds=0.5)
SIX_CALLS = Program("six calls", (Unit("f", 30, {"interpreter": 2.0, "fast": 0.5}),), (Group((Call(0),), 6),))


@dataclass
class Sure:
    """Compiles at once, or never."""

    tier: int = parameter(1, "tier", "this machine has two", low=0, high=1)

    reasons = ("sure",)

    def start(self, setup):
        pass

    def decide(self, view):
        return compile(self.tier, "sure") if self.tier > view.tier and view.pending is None else stay("sure")

    def record(self, event):
        pass


class Seer(Sure):
    """Insists on knowing the future, and then does not use it."""

    def start(self, setup):
        if setup.future is None:
            raise NeedsFuture("Seer needs the future")


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


def test_a_row_worked_by_hand():
    """Compiled at 5, so six calls take 7.5 s. The bound: calls at 0, 2, then waiting for 5 and four times 0.5."""
    assert simulate(SIX_CALLS, Sure(), profile=MACHINE) == Row(
        workload="six calls",
        controller="Sure",
        kind="policy",
        seed=0,
        total_seconds=7.5,
        stall_seconds=0.0,
        compiles=1,
        failures=0,
        deopts=0,
        decisions=2,
        compile_seconds=5.0,
        queue_seconds=0.0,
        calls=6,
        regret=7.5 / 7.0 - 1,
        parameters={"tier": 1},
    )


def test_controllers_are_taken_as_objects_classes_and_names():
    rows = compare(SIX_CALLS, [Sure(tier=0), Sure, "never"], profile=MACHINE, bounds=False)
    assert [(row.controller, row.total_seconds) for row in rows] == [("Sure", 12.0), ("Sure", 7.5), ("never", 12.0)]
    assert [row.regret for row in rows] == [None, None, None]


def test_settings_are_parameters_and_appear_in_the_row():
    row = simulate(SIX_CALLS, Sure, settings={"tier": 0}, profile=MACHINE)
    assert (row.total_seconds, row.parameters) == (12.0, {"tier": 0})
    (row,) = compare(SIX_CALLS, [Sure], settings={"Sure": {"tier": 0}}, profile=MACHINE, bounds=False)
    assert row.parameters == {"tier": 0}


def test_a_controller_that_needs_the_future_gets_it_and_is_marked():
    assert [simulate(SIX_CALLS, kind, profile=MACHINE).kind for kind in (Sure, Seer)] == ["policy", "oracle"]


def test_the_oracle_and_the_bound_stand_beside_every_policy():
    seen = []
    rows = compare(SIX_CALLS, [Sure, "never"], profile=MACHINE, progress=seen.append)
    assert seen == rows
    assert [(row.controller, row.kind) for row in rows] == [
        ("Sure", "policy"),
        ("never", "policy"),
        ("oracle", "oracle"),
        ("lb1", "bound"),
    ]
    bound = rows[-1]
    assert (bound.total_seconds, bound.regret, bound.calls) == (7.0, 0.0, 6)
    assert all(row.regret == row.total_seconds / 7.0 - 1 for row in rows)


def test_an_oracle_that_was_named_is_not_added_again():
    assert [row.controller for row in compare(SIX_CALLS, ["oracle"], profile=MACHINE)] == ["oracle", "lb1"]


def test_rows_go_to_json():
    rows = compare(SIX_CALLS, [Sure], profile=MACHINE)
    assert [Row(**json.loads(json.dumps(row._asdict(), allow_nan=False))) for row in rows] == rows


def test_the_same_calls_give_the_same_rows():
    assert compare("adam", ["threshold"], size="small", seed=4) == compare("adam", ["threshold"], size="small", seed=4)


def test_a_program_that_takes_no_time_has_no_regret():
    free = SIX_CALLS._replace(groups=())
    assert [row.regret for row in compare(free, [Sure], profile=MACHINE)] == [None, None, None]


@pytest.mark.parametrize(("kind", "host_future"), [(Sure, False), (Seer, True)])
def test_a_log_can_be_read_and_replayed(tmp_path, kind, host_future):
    path = tmp_path / "run.log"
    row = simulate(SIX_CALLS, kind, profile=MACHINE, seed=9, log=path)
    header, records = log.read(path)
    assert header[:3] == ("simulation", kind.__name__, {"tier": 1})
    assert (header.setup.seed, header.setup.future is not None) == (9, host_future)
    assert list(log.replay(header, records, kind())) == []
    counted = measure(records)
    assert (counted.decisions, counted.compiles) == (row.decisions, row.compiles)


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
    expected = [
        call.function
        for repeat in found.schedule(found.sizes["small"])
        for _ in range(repeat.times)
        for call in repeat.pattern
    ]
    assert [made.units[call.unit].name for call in made.calls()] == expected
    assert made.name == "adam"


def test_a_file_in_the_way_does_not_hide_a_built_in_workload(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adam").write_text("not a trace")
    assert program("adam", "small").name == "adam"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("adom", "never"), "unknown workload 'adom': did you mean 'adam'"),
        (("missing.jsonl", "never"), "missing.jsonl: cannot be read"),
        (("adam", "nevr"), "unknown controller 'nevr': did you mean 'never'"),
    ],
)
def test_a_wrong_name_ends_in_one_line_with_the_way_out(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(*arguments)
    with pytest.raises(InputError, match=message):
        compare(arguments[0], [arguments[1]])


def test_a_wrong_size_or_setting_ends_in_one_line_with_the_way_out():
    with pytest.raises(InputError, match="unknown size 'smal' of workload 'adam': did you mean 'small'"):
        simulate("adam", "never", size="smal")
    with pytest.raises(InputError, match="unknown parameter 'cuont' of controller 'threshold'"):
        simulate("adam", "threshold", settings={"cuont": 3})


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
