"""What holds for every built-in workload: seeded, side-effect free, named as in the table, free of compilers."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import tiering.workloads
from tiering.workloads import BUILTIN
from tiering.workloads.workload import Workload

BETS = {"constant_shapes", "nonzero_denominators", "index_maxima", "stable_types"}


def python(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_same_seed_makes_the_same_inputs_and_another_seed_others(workload: Workload) -> None:
    first, again, other = (pickle.dumps(workload.make(workload.sizes["small"], seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_run_leaves_its_inputs_alone_and_can_be_repeated(workload: Workload, inputs: Any) -> None:
    before = pickle.dumps(inputs)
    first = pickle.dumps(workload.run(workload.functions, inputs))
    assert pickle.dumps(inputs) == before
    assert pickle.dumps(workload.run(workload.functions, inputs)) == first


def test_a_workload_says_what_it_is(workload: Workload) -> None:
    assert BUILTIN[workload.name] == f"tiering.workloads.kernels.{workload.name}:WORKLOAD"
    assert set(workload.sizes) == {"small", "medium", "large"}
    assert set(workload.bets) <= BETS
    assert "\n" not in workload.summary
    assert len({function.__name__ for function in workload.functions}) == len(workload.functions)


def test_every_public_function_has_a_docstring(workload: Workload) -> None:
    assert all(function.__doc__ for function in (*workload.functions, workload.make, workload.run))


def test_listing_the_workloads_imports_no_kernel_and_no_numpy() -> None:
    program = "import sys, tiering.workloads; print('numpy' in sys.modules, 'tiering.workloads.kernels' in sys.modules)"
    assert python(program).stdout.split() == ["False", "False"]


def test_no_kernel_imports_a_compiler() -> None:
    modules = ", ".join(target.split(":")[0] for target in BUILTIN.values())
    result = python(f"import sys, {modules}; print('numba' in sys.modules, 'llvmlite' in sys.modules)")
    assert result.stdout.split() == ["False", "False"], result.stderr


def test_the_folder_refuses_to_be_imported_under_its_own_name() -> None:
    folder = Path(tiering.workloads.__file__).resolve().parent
    assert folder.name == "workloads"
    result = python(f"import sys; sys.path.insert(0, {str(folder.parent)!r}); import workloads")
    assert "import that name (pip install -e . maps it)" in result.stderr
