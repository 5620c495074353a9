"""Rows reduced to a study: three seeds of two controllers, worked by hand."""

from __future__ import annotations

import json

import pytest

from tiering.errors import InputError
from tiering.results import Mean, Overall, Row, summarize

ROW = Row("w", "a", "policy", 0, 1.0, 0.0, 1, 0, 0, 3, 0.5, 0.1, 6, None, {})


def rows(workload="w", seeds=None, **totals):
    """Rows of a workload: per controller its seconds with each seed. `best` is an oracle, `lb` a bound."""
    kinds = {"best": "oracle", "lb": "bound"}
    return [
        ROW._replace(workload=workload, controller=name, kind=kinds.get(name, "policy"), seed=seed, total_seconds=total)
        for name, seconds in totals.items()
        for seed, total in zip(seeds or range(len(seconds)), seconds, strict=True)
    ]


def test_an_effect_by_hand():
    """Three seeds can be drawn as one of them three times, and are so few that this is where the interval ends.

    The mean differences are between those of the worst seed, +1, and the best, -2. All signs alike or the opposite
    reach a sum of -2 or less, +2 or more: of 8 flips of -1, +1, -2 these are 6.
    """
    (effect,) = summarize(rows(a=[4.0, 4.0, 4.0], b=[3.0, 5.0, 2.0])).effects
    assert effect[:3] == ("w", "b", "policy")
    assert (effect.difference, effect.difference_low, effect.difference_high) == (pytest.approx(-2 / 3), -2.0, 1.0)
    assert (effect.ratio, effect.ratio_low, effect.ratio_high) == (pytest.approx(10 / 12), 0.5, 1.25)
    assert (effect.wins, effect.losses, effect.ties, effect.alike) == (2, 1, 0, False)
    assert effect.p_value == effect.p_holm == 6 / 8


def test_pairs_are_found_by_seed_and_not_by_place():
    made = rows(a=[1.0, 2.0, 30.0], b=[2.0, 3.0, 31.0])
    assert summarize(made[:3] + made[:2:-1]).effects == summarize(made).effects
    assert summarize(made).effects[0][3:6] == (1.0, 1.0, 1.0)


def test_the_baseline_is_the_first_or_the_one_named():
    made = rows(a=[4.0, 2.0], b=[2.0, 2.0], c=[8.0, 2.0])
    first, second = summarize(made), summarize(made, "b")
    assert [(study.baseline, [effect.controller for effect in study.effects]) for study in (first, second)] == [
        ("a", ["b", "c"]),
        ("b", ["a", "c"]),
    ]
    assert first.effects[0].difference == -second.effects[0].difference == -1.0


def test_means_are_of_everything_and_tests_of_policies_only():
    study = summarize(rows(a=[4.0, 2.0], b=[3.0, 1.0], best=[1.0, 1.0], lb=[1.0, 0.5]))
    assert [mean[1:4] for mean in study.means] == [
        ("a", "policy", 3.0),
        ("b", "policy", 2.0),
        ("best", "oracle", 1.0),
        ("lb", "bound", 0.75),
    ]
    assert [(effect.controller, effect.p_value) for effect in study.effects] == [
        ("b", 0.5),
        ("best", None),
        ("lb", None),
    ]


def test_mean_regret_is_of_all_seeds_or_not_given():
    made = [row._replace(regret=regret) for row, regret in zip(rows(a=[1.0, 1.0]), (0.25, 0.75), strict=True)]
    assert summarize(made).means == (Mean("w", "a", "policy", 1.0, 0.5),)
    assert summarize([made[0], made[1]._replace(regret=None)]).means[0].regret is None


def test_tests_are_corrected_for_all_of_the_study():
    """Ten seeds, always faster: p = 2/1024 each; four such tests, so the corrected one is four times that."""
    better = {"a": [float(n) for n in range(2, 12)], "b": [float(n) for n in range(1, 11)], "c": [0.5] * 10}
    study = summarize(rows("v", **better) + rows("w", **better))
    assert [effect.p_value for effect in study.effects] == [2 / 1024] * 4
    assert [effect.p_holm for effect in study.effects] == [8 / 1024] * 4


def test_over_all_workloads_by_hand():
    """Twice as fast on one workload and half as fast on the other; a third controller is always second."""
    study = summarize(
        rows("v", a=[2.0, 2.0], b=[1.0, 1.0], c=[1.5, 1.5], lb=[1.0, 1.0])
        + rows("w", a=[1.0, 1.0], b=[2.0, 2.0], c=[1.5, 1.5], lb=[0.25, 0.25])
    )
    a, b, c, lb = study.overall
    assert a == Overall("a", "policy", 1.0, 1.0, 1.0, 1.5 + 0.5)
    assert b == ("b", "policy", *map(pytest.approx, (1.0, 0.5, 2.0)), 2.0)
    assert c == ("c", "policy", *map(pytest.approx, (1.125**0.5, 0.75, 1.5)), 2.0)
    assert lb == ("lb", "bound", *map(pytest.approx, (0.125**0.5, 0.25, 0.5)), None)


def test_equal_means_share_their_rank():
    assert [item.mean_rank for item in summarize(rows(a=[1.0], b=[2.0], c=[2.0], d=[3.0])).overall] == [1, 2.5, 2.5, 4]


def test_one_workload_is_its_own_overall():
    study = summarize(rows(a=[4.0, 4.0, 4.0], b=[3.0, 5.0, 2.0]))
    assert study.overall[1][2:5] == study.effects[0][6:9]


def test_one_seed_has_no_interval_and_says_so():
    study = summarize(rows(a=[4.0], b=[3.0]))
    (effect,) = study.effects
    assert (effect.difference, effect.ratio, effect.alike) == (-1.0, 0.75, False)
    assert {effect.difference_low, effect.ratio_high, effect.p_value, study.overall[1].ratio_low} == {None}
    assert study.notes == ("one seed: it says nothing about the spread, so there are no intervals and no p values",)


@pytest.mark.parametrize(
    ("drawn", "note"),
    [
        ({"w": ()}, "w: nothing is drawn in this workload; all seeds are alike, so intervals are points and there are"),
        (None, "w: all seeds are alike, so intervals are points and there are no p values"),
        (
            {"w": ("guard failures",)},
            "w: all seeds gave the same times: guard failures are drawn, but no draw mattered",
        ),
    ],
)
def test_seeds_that_are_alike_are_no_observations_and_a_note_says_so(drawn, note):
    study = summarize(rows(a=[0.1] * 10, b=[0.3] * 10), drawn=drawn)
    (effect,) = study.effects
    assert effect.difference_low == effect.difference == effect.difference_high == 0.3 - 0.1
    assert (effect.alike, effect.p_value, effect.p_holm) == (True, None, None)
    assert len(study.notes) == 1
    assert study.notes[0].startswith(note)


def test_a_controller_that_draws_for_itself_is_named():
    study = summarize(rows(a=[1.0] * 8, b=[1.0, 2.0] * 4), drawn={"w": ()})
    assert study.notes == ("w: nothing is drawn in this workload; what varies is drawn by b",)
    assert study.effects[0].p_value is not None


def test_a_policy_that_no_draw_touched_is_named():
    study = summarize(rows(a=[1.0] * 8, b=[1.0, 2.0] * 4), drawn={"w": ("guard failures",)})
    assert study.notes == ("w: all seeds gave the same times to a",)


def test_too_few_seeds_for_any_finding_are_named():
    """Five seeds have 32 sign flips, so p is 2/32 at least; with two tests 4/32."""
    study = summarize(rows(a=[5.0, 4.0, 3.0, 2.0, 1.0], b=[1.0, 2.0, 3.0, 2.0, 1.0], c=[2.0, 2.0, 2.0, 2.0, 1.0]))
    assert study.notes[-1] == "5 seeds and 2 tests: no corrected p can be below 0.12; take more seeds"


def test_a_run_without_time_has_no_ratio():
    study = summarize(rows(a=[0.0, 1.0], b=[1.0, 1.0]))
    assert (study.effects[0].ratio, study.effects[0].ratio_low, study.overall[1].ratio) == (None, None, None)
    assert study.effects[0].difference == 0.5


def test_a_bound_may_be_missing_from_a_workload_that_it_is_not_valid_for():
    study = summarize(rows("v", a=[1.0, 2.0], b=[2.0, 1.0], lb=[1.0, 1.0]) + rows("w", a=[1.0, 2.0], b=[1.0, 1.0]))
    assert [(mean.workload, mean.controller) for mean in study.means] == [
        ("v", "a"), ("v", "b"), ("v", "lb"), ("w", "a"), ("w", "b"),
    ]  # fmt: skip
    assert [item.controller for item in study.overall] == ["a", "b"]


def test_a_study_goes_to_json():
    study = summarize(rows(a=[4.0, 2.0], b=[2.0, 2.0], lb=[1.0, 1.0]))
    plain = json.loads(json.dumps(study._asdict(), allow_nan=False))
    assert [Row(**row) for row in plain["rows"]] == list(study.rows)
    assert plain["effects"] == [effect._asdict() for effect in study.effects]
    assert (plain["baseline"], plain["seeds"], plain["confidence"], plain["resamples"]) == ("a", [0, 1], 0.95, 10_000)


@pytest.mark.parametrize(
    ("made", "baseline", "line"),
    [
        ([], None, "a study of no rows"),
        (rows(a=[1.0]) * 2, None, "two have the same workload, controller and seed"),
        (rows(a=[1.0, 1.0], b=[1.0, 1.0])[:-1], None, "none of 'b' on 'w' with seed 1; add it"),
        (rows("v", a=[1.0], b=[1.0]) + rows("w", a=[1.0]), None, "none of 'b' on 'w' with seed 0; add it"),
        (rows(a=[1.0, 1.0], lb=[1.0, 1.0])[:-1], None, "none of 'lb' on 'w' with seed 1; add it"),
        (
            [*rows(a=[1.0]), *(row._replace(trace_hash="0" * 64) for row in rows(b=[1.0]))],
            None,
            "workload 'w' is of two programs, with hashes '' and '000000000000'; name them apart",
        ),
        (rows(alpha=[1.0], lb=[1.0]), "alhpa", "unknown baseline 'alhpa': did you mean 'alpha'?"),
        (rows(alpha=[1.0], lb=[1.0]), "lb", "unknown baseline 'lb': there is alpha"),
    ],
)
def test_rows_that_are_no_study_are_refused(made, baseline, line):
    with pytest.raises(InputError) as refusal:
        summarize(made, baseline)
    assert line in str(refusal.value)
