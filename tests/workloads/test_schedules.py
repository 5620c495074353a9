"""The schedule of a workload is a claim about its run, known before it; here it is held against a recorded
run.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest
from tiering.workloads.workload import Call, Repeat, Workload


def expanded(schedule: Sequence[Repeat]) -> list[Call]:
    return [call for repeat in schedule for _ in range(repeat.times) for call in repeat.pattern]


def loop_body_lines(function: Callable[..., Any]) -> set[int]:
    """The first line of the body of each loop: it is executed once per iteration, if it is not a loop itself."""
    lines, first = inspect.getsourcelines(function)
    loops = [node for node in ast.walk(ast.parse(textwrap.dedent("".join(lines)))) if isinstance(node, ast.For)]
    assert not any(isinstance(loop.body[0], ast.For) for loop in loops)
    return {first - 1 + loop.body[0].lineno for loop in loops}


def counting(function: Callable[..., Any], calls: list[Call]) -> Callable[..., Any]:
    """`function`, adding to `calls` the iterations that the interpreter itself was seen to execute."""
    wanted = loop_body_lines(function)

    def counted(*arguments: Any) -> Any:
        iterations = 0

        def trace(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal iterations
            if frame.f_code is not function.__code__:
                return None
            iterations += event == "line" and frame.f_lineno in wanted
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            result = function(*arguments)
        finally:
            sys.settrace(before)
        calls.append(Call(function.__name__, iterations))
        return result

    return counted


def test_the_schedule_is_the_sequence_of_calls_and_iterations_of_a_real_run(workload: Workload, inputs: Any) -> None:
    calls: list[Call] = []
    workload.run([counting(function, calls) for function in workload.functions], inputs)
    assert calls == expanded(workload.schedule(workload.sizes["small"]))


@pytest.mark.parametrize("size", ["medium", "large"])
def test_schedules_of_large_sizes_stay_short_because_they_are_run_length_coded(workload: Workload, size: str) -> None:
    schedule = workload.schedule(workload.sizes[size])
    assert len(schedule) <= 160
    assert sum(len(repeat.pattern) * repeat.times for repeat in schedule) >= 4000
    assert {call.function for repeat in schedule for call in repeat.pattern} == {
        function.__name__ for function in workload.functions
    }


def test_large_is_about_ten_times_medium(workload: Workload) -> None:
    work = {
        size: sum(call.backedges * repeat.times for repeat in workload.schedule(numbers) for call in repeat.pattern)
        for size, numbers in workload.sizes.items()
    }
    assert 9.0 <= work["large"] / work["medium"] <= 11.0
