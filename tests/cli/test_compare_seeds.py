"""`tiering compare --seeds N`: a paired study on one page, and the command lines that it refuses."""

from __future__ import annotations

import pytest

from tiering import experiment, profile
from tiering.experiment import Row

COMPARE = ("compare", "adam", "--controllers", "never,pi", "--size", "small")


@pytest.fixture
def betting(trace_file):
    """A comparison in which seeds differ: the trace's guards fail under a controller that bets."""
    return ("compare", trace_file, "--controllers", "threshold,always", "--set", "always.speculate=1")


def test_a_study_prints_a_line_per_controller_oracle_and_bound(tiering, betting):
    ended = tiering(*betting, "--seeds", "8")
    assert (ended.code, ended.err) == (0, "")
    for word in ("two loops, 8 seeds from 0 to 7", "against threshold", "95 % interval", "ratio", "regret", "p (Holm)"):
        assert word in ended.out
    lines = [[cell.strip() for cell in line.split("│")] for line in ended.out.splitlines() if line.startswith("│")]
    assert [line[1] for line in lines] == ["threshold", "always", "oracle", "lb1"]
    assert [line[9] for line in lines] == ["", "0/8/0", "8/0/0", "8/0/0"]


def test_a_study_as_json_holds_rows_and_effects(tiering, betting, trace_file):
    document = tiering(*betting, "--seeds", "3", "--seed", "5", "--baseline", "always", "--json").document
    assert document["seeds"] == [5, 6, 7]
    assert document["source"]["profile"] == profile.reference().source
    for seed in (5, 6, 7):
        alone = tiering(*betting, "--seed", str(seed), "--json").document
        assert [row for row in document["rows"] if row["seed"] == seed] == alone["rows"]
    found = experiment.study(
        trace_file,
        ["threshold", "always"],
        seeds=[5, 6, 7],
        baseline="always",
        settings={"always": {"speculate": 1}},
    )
    for name in ("effects", "means", "overall"):
        assert document[name] == [item._asdict() for item in getattr(found, name)]
    assert [Row(**row) for row in document["rows"]] == list(found.rows)
    assert (document["baseline"], document["notes"]) == ("always", list(found.notes))


def test_a_workload_without_chance_says_that_its_seeds_are_alike(tiering):
    ended = tiering(*COMPARE, "--seeds", "3")
    assert "note: adam: nothing is drawn in this workload; all seeds are alike" in ended.out
    effects = tiering(*COMPARE, "--seeds", "3", "--json").document["effects"]
    assert all(effect["alike"] and effect["p_value"] is None for effect in effects)
    assert all(effect["ratio_low"] == effect["ratio"] == effect["ratio_high"] for effect in effects)


def test_one_seed_is_a_study_without_intervals(tiering):
    ended = tiering(*COMPARE, "--seeds", "1")
    assert "adam, seed 0: simulated, against never" in ended.out
    assert "note: one seed: it says nothing about the spread" in ended.out


def test_the_last_seed_may_be_the_largest(tiering):
    document = tiering(*COMPARE, "--seed", str(2**63 - 2), "--seeds", "2", "--json").document
    assert document["seeds"] == [2**63 - 2, 2**63 - 1]


@pytest.mark.parametrize("value", ["0", "10001", "-1", "1.5", "", "many"])
def test_seeds_are_a_whole_number(refused, value):
    assert f"--seeds '{value}': must be a whole number from 1 to 10000" in refused(*COMPARE, f"--seeds={value}")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--baseline", "pi"), "--baseline 'pi': is for a study of several seeds; add --seeds 10"),
        (("--seeds", "2", "--baseline", "nver"), "unknown baseline 'nver': did you mean 'never'?"),
        (("--seeds", "2", "--baseline", "lb1"), "unknown baseline 'lb1': there is never, oracle, pi"),
        (("--seeds", "2", "--seed", str(2**63 - 1)), "the last seed must be at most 9223372036854775807"),
        (("--seeds", "2", "--controllers", "pi,never,pi"), "controller 'pi': 2 have this name"),
    ],
)
def test_a_study_that_cannot_be_is_refused(refused, arguments, line):
    assert line in refused(*COMPARE, *arguments)
