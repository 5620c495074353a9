"""Controllers by name, class and object; rows beside an oracle and a bound; studies of many seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from tiering import log, registry, trace
from tiering.errors import InputError, NeedsFuture
from tiering.experiment import Row, compare, simulate, study
from tiering.metrics import measure
from tiering.profile import Profile, TierCosts
from tiering.protocol import compile, parameter, stay
from tiering.trace import Call, Group, Program, Unit, digest, write

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
        regrets={"lb1": 7.5 / 7.0 - 1},
        trace_hash=digest(SIX_CALLS),
    )


def test_every_row_has_the_hash_of_the_program_that_was_run():
    """The name is not in it, and what changes the calls is: size, threads, costs that a machine lends."""
    bounds = ["lb0", "lb1", "smith"]
    rows = compare(SIX_CALLS, ["never", Sure], profile=MACHINE, bounds=bounds)
    assert [row.kind for row in rows] == ["policy", "policy", "oracle", "bound", "bound", "schedule"]
    assert {row.trace_hash for row in rows} == {digest(SIX_CALLS)}
    found = study([SIX_CALLS, SIX_CALLS._replace(name="again")], ["never"], seeds=range(2), profile=MACHINE)
    assert {row.trace_hash for row in (*found.rows, *found.means, *found.effects)} == {digest(SIX_CALLS)}
    others = [
        simulate(SIX_CALLS, "never", profile=MACHINE, threads=2),
        simulate("adam", "never", size="small"),
        simulate("adam", "never", size="small", profile="conservative"),
        simulate("zipf", "never", size="small"),
    ]
    assert len({digest(SIX_CALLS), *(row.trace_hash for row in others)}) == 5
    assert all(len(row.trace_hash) == 64 for row in others)


def test_the_hash_of_a_row_is_that_of_its_file(tmp_path):
    for name in ("six.jsonl", "six.parquet"):
        write(SIX_CALLS, tmp_path / name)
        assert simulate(tmp_path / name, "never", profile=MACHINE).trace_hash == digest(SIX_CALLS)


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


BETTING = MACHINE._replace(
    tiers=(*MACHINE.tiers, TierCosts("bold", 8.0, compile_seconds=1.0, speculative=True)), deopt_seconds=1.0
)
RISKY = Program("risky", (Unit("g", 30, {"interpreter": 2.0}, guard_failure=0.2),), (Group((Call(0),), 30),))


@pytest.mark.parametrize("bounds", [True, False])
def test_the_rows_of_a_study_are_those_of_one_comparison_per_seed(bounds):
    controllers = ["never", "always"]
    settings = {"always": {"speculate": 1}}
    seen = []
    found = study(
        RISKY, controllers, seeds=[4, 2], settings=settings, profile=BETTING, bounds=bounds, progress=seen.append
    )
    one_by_one = [
        row
        for seed in (4, 2)
        for row in compare(RISKY, controllers, settings=settings, seed=seed, profile=BETTING, bounds=bounds)
    ]
    assert list(found.rows) == seen == one_by_one
    assert {row.kind for row in found.rows} == ({"policy", "oracle", "bound"} if bounds else {"policy"})
    assert (found.seeds, found.baseline) == ((4, 2), "never")


def test_the_seed_is_luck_that_all_controllers_share():
    """The same bets under two names: they fail together, so seeds differ and the pairs do not."""
    twice = {"one": "always", "other": "always"}
    settings = {name: {"speculate": 1} for name in twice}
    found = study(RISKY, twice, settings=settings, profile=BETTING, bounds=False)
    assert len({row.total_seconds for row in found.rows}) > 1
    (effect,) = found.effects
    assert (effect.controller, effect.ties, effect.alike) == ("other", 10, False)
    assert (effect.difference_low, effect.difference_high, effect.p_value) == (0.0, 0.0, 1.0)
    assert found.notes == ()


def test_where_nothing_is_drawn_the_study_says_so():
    found = study([SIX_CALLS], {"never": Sure(tier=0), "sure": Sure()}, profile=MACHINE, bounds=False)
    (effect,) = found.effects
    assert (effect.difference_low, effect.difference, effect.difference_high) == (-4.5, -4.5, -4.5)
    assert (effect.ratio_low, effect.ratio_high, effect.p_value) == (7.5 / 12.0, 7.5 / 12.0, None)
    (note,) = found.notes
    assert note.startswith("six calls: nothing is drawn in this workload; all seeds are alike")


def test_a_study_of_several_workloads_as_a_user_names_them(tmp_path):
    path = tmp_path / "six.jsonl"
    trace.write(SIX_CALLS, path)
    asked = {"seeds": [1], "size": "small", "profile": MACHINE}
    found = study(["adam", path], ["never", "threshold"], baseline="threshold", **asked)
    assert list(dict.fromkeys(row.workload for row in found.rows)) == ["adam", "six calls"]
    assert [item.controller for item in found.overall] == ["never", "threshold", "oracle", "lb1"]
    for alone in ("adam", registry.WORKLOADS.load("adam"), path):
        assert study(alone, ["never"], **asked).rows[0] in found.rows


def test_a_study_gives_the_same_numbers_again():
    settings = {"always": {"speculate": 1}}
    runs = [study(RISKY, ["never", "always"], settings=settings, profile=BETTING) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seeds": []}, "no seeds: seeds must be different whole numbers, at least one of them"),
        ({"seeds": [1, 2, 1]}, "seed 1: seeds must be different"),
        ({"seeds": [0.5]}, "seed 0.5: seeds must be different whole numbers"),
        ({"controllers": ["never", "never"]}, "controller 'never': 2 have this name; give a mapping"),
        ({"controllers": ["nevr"]}, "unknown controller 'nevr': did you mean 'never'"),
        ({"baseline": "always"}, "unknown baseline 'always': there is never, oracle"),
        ({"workloads": []}, "a study of no workloads"),
        ({"workloads": [SIX_CALLS, SIX_CALLS]}, "workload 'six calls': 2 have this name"),
        ({"workloads": [SIX_CALLS, "adom"]}, "unknown workload 'adom': did you mean 'adam'"),
        ({"confidence": 95}, "confidence 95: must lie between 0 and 1"),
        ({"resamples": 7}, "resamples 7: must be a whole number from 100"),
    ],
)
def test_a_study_that_cannot_be_is_refused_before_anything_is_simulated(changed, message):
    def never(row):
        raise AssertionError(row)

    asked = {"workloads": SIX_CALLS, "controllers": ["never"], "profile": MACHINE, "progress": never, **changed}
    with pytest.raises(InputError, match=message):
        study(asked.pop("workloads"), asked.pop("controllers"), **asked)


@pytest.mark.parametrize(
    ("names", "reference"), [(["lb0", "lb1", "lb_queue"], "lb1"), (["lb0", "lb_queue"], "lb_queue"), (["smith"], None)]
)
def test_regret_is_against_lb1_or_else_the_largest_bound(names, reference):
    rows = compare(SIX_CALLS, [Sure], profile=MACHINE, bounds=names)
    bounds = {row.controller: row.total_seconds for row in rows if row.kind == "bound"}
    assert set(bounds) == set(names) - {"smith"}
    least = bounds.get(reference)
    assert [row.regret for row in rows] == [least and row.total_seconds / least - 1 for row in rows]
    for row in rows:
        assert row.regrets == {name: row.total_seconds / seconds - 1 for name, seconds in bounds.items()}


def test_all_bounds_and_schedules_that_hold_here_can_be_asked_for():
    rows = compare(SIX_CALLS, [Sure], profile=MACHINE, bounds=["all"])
    kinds = {row.controller: row.kind for row in rows}
    assert {"lb0", "lb1", "lb_queue", "lb_exact", "smith", "iar"} <= set(kinds)
    assert (kinds["lb_exact"], kinds["smith"]) == ("bound", "schedule")
    assert "lb_cache" not in kinds


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (["lb3"], "unknown bound 'lb3'.*did you mean 'lb1'|unknown bound 'lb3'"),
        (["lb_cache"], "lb_cache is no bound for 'six calls'"),
    ],
)
def test_a_bound_that_is_none_here_is_refused(names, rule):
    with pytest.raises(InputError, match=rule):
        compare(SIX_CALLS, [Sure], profile=MACHINE, bounds=names)
