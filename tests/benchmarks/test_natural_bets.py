"""The versions that the benchmark of bets makes: what they assume, what they leave out, and that they mean the same."""

from __future__ import annotations

import ast
import copy
import dataclasses

import numpy as np
import pytest
from tiering.workloads import zoo
from tiering.workloads.kernel import Kernel, Unit

from benchmarks import natural_bets
from benchmarks.natural_bets import Facts, Pruned, Shape, Unsigned, observed, optimistic, version


def rewritten(transformer: ast.NodeTransformer, source: str) -> str:
    return ast.unparse(ast.fix_missing_locations(transformer.visit(ast.parse(source))))


def observe(name: str, bets: set[str]) -> tuple[Kernel, list[Facts], tuple[object, ...]]:
    kernel = dataclasses.replace(zoo.kernel(name), bets=dict.fromkeys(bets, "assumed"))
    arguments = kernel.inputs(kernel.sizes["small"], 1)
    return kernel, observed(kernel, arguments), arguments


def test_an_argument_is_a_fact_while_it_stays_the_same():
    facts = Facts()
    facts.note(["x", "n", "k"], [np.zeros(3), 3, "word"])
    facts.note(["x", "n", "k"], [np.ones(3), 4, "word"])
    facts.note(["x", "n", "k"], [np.ones(3), 3, "word"])
    assert facts.arguments == {"x": Shape((3,)), "n": None, "k": None}


def test_one_is_not_true_and_a_nan_is_never_the_same():
    facts = Facts()
    facts.note(["x"], [float("nan")])
    facts.note(["x"], [float("nan")])
    assert facts.arguments == {"x": None}


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ({(0, False)}, "b()"),
        ({(0, True)}, "a()"),
        ({(0, True), (0, False)}, "if x:\n    a()\nelse:\n    b()"),
        (set(), "if x:\n    a()\nelse:\n    b()"),
    ],
)
def test_a_side_that_was_never_taken_is_cut_out(taken: set[tuple[int, bool]], left: str):
    assert rewritten(Pruned(taken, exits=False), "if x:\n    a()\nelse:\n    b()") == left


def test_with_exits_the_test_stays():
    left = rewritten(Pruned({(0, False)}, exits=True), "if x:\n    a()\nb()")
    assert left == "if x:\n    raise RuntimeError\nb()"
    left = rewritten(Pruned({(0, True)}, exits=True), "if x:\n    a()")
    assert left == "if not x:\n    raise RuntimeError\na()"


def test_branches_are_numbered_from_the_outside_in():
    left = rewritten(Pruned({(0, True), (0, False), (1, False)}, exits=False), "if x:\n    if y:\n        a()")
    assert left == "if x:\n    pass"


def test_computed_indices_are_unsigned_and_others_stay():
    assert rewritten(Unsigned(), "a[i] = b[i - 1, 0] + c[-1] + d[1:n]") == (
        "a[np.uint64(i)] = b[np.uint64(i - 1), 0] + c[-1] + d[1:n]"
    )
    assert rewritten(Unsigned(), "a.shape[k]") == "a.shape[k]"


def test_what_a_helper_is_given_is_seen_from_its_calls():
    _, (entry, helper), _ = observe("matmul_chain", {"constant_shapes"})
    assert entry.arguments["factors"] == (80, 8, 8)
    assert helper.arguments == {"left": (8, 8), "right": (8, 8), "product": (8, 8)}


@pytest.mark.parametrize(
    ("name", "bet"),
    [
        ("horner", "constant_shapes"),
        ("digit_sums", "constant_values"),
        ("jacobi_flat", "no_overflow"),
        ("calibrate", "cold_branches"),
        ("tanh_fraction", "nonzero_denominators"),
        ("histogram", "index_maxima"),
    ],
)
def test_a_version_with_a_bet_gives_the_same_results(name: str, bet: str):
    kernel, facts, arguments = observe(name, {bet})
    plain, betting = copy.deepcopy(arguments), copy.deepcopy(arguments)
    result = kernel.entry(*plain)
    assert natural_bets._same(
        (optimistic(kernel, facts, {bet}, arguments)(*betting), betting),
        (result, plain),
    )


def test_a_version_refuses_other_shapes_than_it_bets_on():
    kernel, facts, (points, coefficients, values) = observe("horner", {"constant_shapes"})
    with pytest.raises(ValueError, match="another shape"):
        version(kernel, facts, {"constant_shapes"})(points, coefficients[1:].copy(), values)


def test_a_bet_that_changes_the_results_shows_as_zero():
    def halved(x: float) -> float:
        return x / 2.0

    def doubled(x: float) -> float:
        return x * 2.0

    assert natural_bets._ratios(halved, doubled, (3.0,), 3) == [0.0]
    assert len(natural_bets._ratios(halved, halved, (3.0,), 3)) == 3


def test_a_kernel_is_measured_once_per_bet_and_once_for_all(monkeypatch: pytest.MonkeyPatch):
    small = zoo.kernel("calibrate")
    small = dataclasses.replace(small, sizes={**small.sizes, "medium": {"n": 50, "draws": 3}})
    monkeypatch.setattr(zoo, "kernel", lambda name: small)
    rows = natural_bets.measure(True, ["calibrate"])
    assert [row.metric for row in rows] == [
        "calibrate_cold_branches_speed_vs_none",
        "calibrate_side_exit_speed_vs_none",
        "calibrate_all_speed_vs_njit",
        "natural_speed_vs_njit",
        "natural_median_speed_vs_njit",
    ]
    assert [row.bar for row in rows] == [1.1, None, None, None, None]
    assert all(row.value > 0.0 for row in rows)


def test_a_unit_is_rewritten_from_its_own_source():
    unit = zoo.kernel("fir_filter").units[0]
    assert isinstance(unit, Unit)
    assert natural_bets._tree(unit).body[0].name == "fir_filter"
