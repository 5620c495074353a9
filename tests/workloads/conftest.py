"""What the tests of the built-in workloads share: each workload, its kernels compiled once, one small run of
each.
"""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import pytest
from tiering.workloads import BUILTIN
from tiering.workloads.workload import Workload


def load(name: str) -> Workload:
    module, attribute = BUILTIN[name].split(":")
    workload = getattr(importlib.import_module(module), attribute)
    assert isinstance(workload, Workload)
    return workload


@cache
def compiled(name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(numba.njit(boundscheck=True)(function) for function in load(name).functions)


@pytest.fixture(params=sorted(BUILTIN))
def workload(request: pytest.FixtureRequest) -> Workload:
    return load(request.param)


@pytest.fixture
def kernels(workload: Workload) -> tuple[Callable[..., Any], ...]:
    """The workload's kernels under the contract of every tier: `numba.njit(boundscheck=True)`."""
    return compiled(workload.name)


@pytest.fixture
def inputs(workload: Workload) -> Any:
    return workload.make(workload.sizes["small"], 1)
