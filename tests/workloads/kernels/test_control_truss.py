"""The stiffest truss against linear programming and a case worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog
from tiering.workloads.kernels.control import truss


def designed(
    nodes: np.ndarray, bars: np.ndarray, load: list[float], steps: int = 200, least: float = 1e-6
) -> tuple[np.ndarray, float, int]:
    strains, ends, lengths = truss.members(nodes, bars, 2)
    designs, compliances = np.zeros((1, len(bars))), np.zeros(1)
    loads = np.array([load])
    failures, _ = truss.stiffest_trusses(
        strains, ends, lengths, loads, 2.0, least, 1.2, 0.5, steps, designs, compliances
    )
    return designs[0], float(compliances[0]), failures


def test_two_bars_share_the_volume_as_worked_by_hand() -> None:
    nodes = np.array([[0.0, 0.0], [-1.0, 0.0], [0.0, 2.0]])
    bars = np.array([[0, 1], [0, 2]])
    areas, compliance, _ = designed(nodes, bars, [3.0, -1.0])
    np.testing.assert_allclose(areas, [6.0 / 5.0, 2.0 / 5.0], rtol=1e-4)
    assert compliance == pytest.approx((3.0 * 1.0 + 1.0 * 2.0) ** 2 / 2.0, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_compliance_is_that_of_the_linear_program_for_bar_forces(seed: int) -> None:
    angle = np.random.Generator(np.random.PCG64(seed)).uniform(0.0, 2.0 * np.pi)
    load = [0.0, 0.0, float(np.cos(angle)), float(np.sin(angle)), 0.0, 0.0, 0.0, 0.0]
    _, compliance, _ = designed(truss.NODES, truss.BARS, load)
    strains, ends, lengths = truss.members(truss.NODES, truss.BARS, 2)
    balance = np.zeros((8, len(lengths)))
    for bar in range(len(lengths)):
        for place, strain in zip(ends[bar], strains[bar], strict=True):
            if place >= 0:
                balance[place, bar] = strain * lengths[bar]
    weight = linprog(np.tile(lengths, 2), A_eq=np.hstack([balance, -balance]), b_eq=load).fun
    assert compliance == pytest.approx(weight**2 / 2.0, rel=1e-4)
    assert compliance >= weight**2 / 2.0 * (1.0 - 1e-12)


def test_a_failed_step_is_taken_back_so_that_more_steps_never_cost_compliance() -> None:
    load = [0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    runs = [designed(truss.NODES, truss.BARS, load, steps) for steps in range(0, 80, 4)]
    compliances = [compliance for _, compliance, _ in runs]
    assert compliances == sorted(compliances, reverse=True)
    np.testing.assert_allclose(runs[0][0], runs[0][0][0])
    assert runs[-1][2] > runs[1][2] == 0, "success at first, failures only later"
    assert compliances[-1] < 0.7 * compliances[0]


def test_moved_areas_change_by_no_more_than_the_limit_and_keep_the_volume() -> None:
    areas, densities = np.array([1.0, 0.5, 2.0, 1e-3]), np.array([4.0, 1.0, 0.2, 0.1])
    lengths, moved = np.array([1.0, 2.0, 1.0, 1.0]), np.zeros(4)
    volume = float(areas @ lengths)
    truss.moved_areas(areas, densities, lengths, 1e-3, volume, 0.1, moved)
    assert moved @ lengths == pytest.approx(volume, rel=1e-14)
    assert moved[0] / areas[0] == pytest.approx(1.1, rel=1e-3)
    assert np.max(np.abs(moved / areas - 1.0)) < 0.1 * 1.001
    assert moved[3] == 1e-3
    assert np.sum((moved - areas) * lengths * densities) > 0.0, "material goes to where the energy is"


def test_the_fall_in_compliance_per_area_is_length_times_energy_density() -> None:
    strains, ends, lengths = truss.members(truss.NODES, truss.BARS, 2)
    areas, loads = np.linspace(0.5, 1.5, 10), np.array([[0.0, -1.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.5]])
    stiffness, displacement, densities = np.zeros((8, 8)), np.zeros(8), np.zeros(10)

    def compliance(given: np.ndarray) -> float:
        truss.truss_stiffness(given, strains, ends, lengths, stiffness)
        truss.solve(stiffness, loads, 0, displacement)
        return float(loads[0] @ displacement)

    compliance(areas)
    truss.energies(strains, ends, displacement, densities)
    for bar, step in enumerate(1e-6 * np.eye(10)):
        fall = (compliance(areas - step) - compliance(areas + step)) / 2e-6
        assert fall == pytest.approx(lengths[bar] * densities[bar], rel=1e-6, abs=1e-8)


def test_a_mechanism_is_refused() -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        truss.solve(np.array([[1.0, 1.0], [1.0, 1.0]]), np.ones((1, 2)), 0, np.zeros(2))
