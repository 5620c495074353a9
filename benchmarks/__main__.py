"""`python -m benchmarks [--json] [--quick]`: every benchmark, each in a process of its own, in one table."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import benchmarks
from benchmarks.harness import Metric, main

_NOT_BENCHMARKS = {"__main__"}


def measure(quick: bool) -> list[Metric]:
    """Run every other module of this package and collect its metrics."""
    metrics: list[Metric] = []
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name in _NOT_BENCHMARKS:
            continue
        command = [sys.executable, "-m", f"benchmarks.{module.name}", "--json", *(["--quick"] if quick else [])]
        print(f"{module.name} ...", file=sys.stderr)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        metrics += [Metric(**item) for item in json.loads(done.stdout)]
    return metrics


if __name__ == "__main__":
    main(measure)
