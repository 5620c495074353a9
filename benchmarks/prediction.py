"""How well the simulator predicts the live runtime, and how the live runtime stands against CPython and njit.

One repeat is one `tiering demo`: six optimizer loops in fresh processes. Ratios are taken per tiered row within a
repeat; a repeat's figure is the geometric mean over controllers and loops, wins and losses alike. The error is the
median over the same rows of |predicted / measured - 1|; the rivals' own rows are left out, being partly fits.
`short_...` is the same for loops that end before a compile could (size small), where the right answer is to wait.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import Metric, geometric_mean, main, measured
from tiering import demo
from tiering.demo.study import CONTROLLERS, Line, Study

RIVALS = ("cpython", "njit")


def measure(quick: bool) -> list[Metric]:
    """Prediction error and total time and stall against the rivals."""
    studies = [_study("small" if quick else "medium") for _ in range(1 if quick else 3)]
    errors = [float(np.median([_error(line) for line in _tiered(study)])) for study in studies]
    metrics = [measured("prediction_error", errors, "share", "the measured time")]
    for rival in RIVALS:
        ratios = [geometric_mean([_times(line, study, rival) for line in _tiered(study)]) for study in studies]
        metrics.append(measured(f"total_vs_{rival}", ratios, "ratio", rival))
    stalls = [geometric_mean([_stalls(line, study) for line in _tiered(study)]) for study in studies]
    metrics.append(measured("stall_vs_njit", stalls, "ratio", "njit"))
    longest = [max((line.stall or 0.0) * 1e3 for line in _tiered(study)) for study in studies]
    metrics.append(measured("longest_demo_stall_ms", longest, "ms", "the median CPython call"))
    short = studies if quick else [_study("small") for _ in range(3)]
    for rival in RIVALS:
        ratios = [geometric_mean([_times(line, study, rival) for line in _tiered(study)]) for study in short]
        metrics.append(measured(f"short_total_vs_{rival}", ratios, "ratio", rival))
    return metrics


def _study(size: str) -> Study:
    with tempfile.TemporaryDirectory() as folder:
        return demo.run(size=size, profile_path=Path(folder) / "profile.json")


def _tiered(study: Study) -> list[Line]:
    return [line for line in study.lines if line.way in CONTROLLERS and line.measured is not None]


def _error(line: Line) -> float:
    return abs(line.predicted / (line.measured or line.predicted) - 1)


def _times(line: Line, study: Study, rival: str) -> float:
    return (line.measured or 0.0) / (_rival(line, study, rival).measured or 1.0)


def _stalls(line: Line, study: Study) -> float:
    return max(line.stall or 0.0, 1e-5) / max(_rival(line, study, "njit").stall or 0.0, 1e-5)


def _rival(line: Line, study: Study, rival: str) -> Line:
    return next(other for other in study.lines if other.workload == line.workload and other.way == rival)


if __name__ == "__main__":
    main(measure)
