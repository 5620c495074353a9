"""Recording: every call of the program's own functions, in order, each with its own time."""

from __future__ import annotations

import sys
import textwrap
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiering import recorder, trace
from tiering.errors import InputError
from tiering.recorded import LEAST_CALLS, record, repeated
from tiering.recorder import CHUNK, Recorder, Toll, coded, decoded, own_code
from tiering.trace import Group

PROGRAM = """
    import json, sys
    def leaf(x):
        return x + 1
    def loop(n):
        total = 0
        for _ in range(n):
            total = leaf(total)
        return total
    def odd(n):
        yield from range(n)
    class Thing:
        def method(self):
            return json.loads("[1]")
    assert loop(int(sys.argv[1])) == int(sys.argv[1])
    Thing().method()
    assert sum(odd(3)) == 3
"""


@pytest.fixture
def script(tmp_path):
    def written(text=PROGRAM):
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text))
        return path

    return written


def sequence(program):
    """Names of the units in the order of their calls."""
    calls = [call for group in program.groups for _ in range(group.times) for call in group.pattern]
    return [program.units[call.unit].name for call in calls]


def test_the_calls_are_those_of_the_program_in_their_order(script):
    made = record(script(), ["5"])
    assert sequence(made.program)[:2] == ["<module>", "Thing"]
    assert sequence(made.program)[2:] == ["loop", *["leaf"] * 5, "Thing.method", *["odd"] * 4]
    assert (made.calls, made.program.total(), made.error) == (13, 13, None)


def test_functions_of_the_standard_library_are_recorded_where_they_are_named(script):
    names = sequence(record(script(), ["1"], include=("json",)).program)
    assert "loads" in names
    assert "JSONDecoder.decode" in names


@pytest.fixture
def ticks(monkeypatch):
    """The recorder's clock in nanoseconds, moved by hand: the script finds it as `sys.ticks`."""
    now = [0]
    monkeypatch.setattr(recorder, "_clock", lambda: now[0])
    monkeypatch.setattr(sys, "ticks", now, raising=False)
    return now


def seconds_of(made):
    return {unit.name: unit.seconds["interpreter"] for unit in made.program.units}


def test_a_call_is_given_its_own_time_without_what_it_calls(script, ticks):
    text = """
        import sys
        def busy():
            sys.ticks[0] += 5_000_000
        def outer():
            sys.ticks[0] += 1_000_000
            busy()
            busy()
        outer()
        """
    found = seconds_of(record(script(text), []))
    assert found["busy"] == pytest.approx(5e-3, rel=0.02)
    assert found["outer"] == pytest.approx(1e-3, rel=0.02)


def test_waiting_takes_no_time_of_a_call_because_the_clock_is_the_threads_own():
    assert recorder._clock is time.thread_time_ns


def test_functions_that_a_library_makes_by_exec_are_not_the_programs(script):
    made = record(
        script(
            """
            from dataclasses import dataclass
            @dataclass
            class Point:
                x: int
            Point(1)
            """
        ),
        [],
    )
    assert sequence(made.program) == ["<module>", "Point"]


def test_a_call_that_outlasts_many_others_keeps_its_own_time(script, ticks):
    text = """
        import sys
        def leaf():
            return 1
        def main():
            sys.ticks[0] += 7_000_000
            for _ in range(200_000):
                leaf()
        main()
        """
    assert seconds_of(record(script(text), []))["main"] == pytest.approx(7e-3, rel=0.02)


def test_a_thread_that_outlives_the_last_line_is_waited_for(script):
    made = record(
        script(
            """
            import threading, time
            def work():
                return 1
            def run():
                for _ in range(20):
                    time.sleep(0.005)
                    work()
            threading.Thread(target=run).start()
            """
        ),
        [],
    )
    assert sequence(made.program).count("work") == 20


def test_equal_functions_of_two_files_are_two_units(script, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"twin_{name}.py").write_text("def same():\n    return 1\n")
    made = record(script("import twin_one, twin_two\ntwin_one.same()\ntwin_two.same()\n"), [])
    assert sum(unit.name.startswith("same (twin_") for unit in made.program.units) == 2


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="sys.monitoring tells of no C calls")
def test_what_it_takes_to_ignore_c_calls_is_taken_off_their_caller(ticks):
    def caller():
        ticks[0] += 1_000_000
        for n in range(100):
            abs(n)

    def mean(ignored):
        made = Recorder(lambda code: code is caller.__code__, toll=Toll(ignored=ignored))
        with made:
            caller()
        (found,) = made.means()
        made.close()
        return found

    assert mean(0) == pytest.approx(1_000_000, rel=0.02)
    assert mean(1000) == pytest.approx(800_000, rel=0.02)


def test_a_forked_child_is_not_recorded_and_leaves_the_recording_alone(script):
    made = record(
        script(
            """
            import os
            def f():
                return 1
            child = os.fork()
            for _ in range(100_000 if child == 0 else 10):
                f()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            """
        ),
        [],
    )
    assert sequence(made.program).count("f") == 10


def test_a_recursion_as_deep_as_python_allows_is_recorded(script):
    depth = sys.getrecursionlimit() - 200
    made = record(script(f"def down(n):\n    return n and down(n - 1)\ndown({depth})\n"), [])
    assert made.error is None
    assert sequence(made.program).count("down") == depth + 1


def test_whoever_takes_the_profiler_away_is_noticed(script):
    made = record(script("import sys\ndef f():\n    return 1\nf()\nsys.setprofile(None)\nf()\n"), [])
    assert made.lost == (sys.version_info < (3, 12))


def test_with_mean_times_a_loop_is_one_short_group(script):
    program = record(script(), ["1000"], times="mean").program
    assert max(group.times * len(group.pattern) for group in program.groups) == 1000
    assert len(program.groups) < 10


def test_recursion_and_exceptions_leave_no_call_open(script):
    made = record(
        script(
            """
            def fails(n):
                if n == 0:
                    raise ValueError
                fails(n - 1)
            for _ in range(3):
                try:
                    fails(4)
                except ValueError:
                    pass
            """
        ),
        [],
    )
    assert sequence(made.program).count("fails") == 15
    assert made.error is None


def test_what_a_script_raises_ends_the_recording_and_is_kept(script):
    made = record(script("def f():\n    return 1\nf()\nraise SystemExit(3)\n"), [])
    assert sequence(made.program) == ["<module>", "f"]
    assert isinstance(made.error, SystemExit)
    assert made.error.code == 3


def test_each_thread_of_a_program_is_a_thread_of_its_trace(script):
    program = record(
        script(
            """
            import threading
            def work():
                return 1
            def run():
                for _ in range(50):
                    work()
            threads = [threading.Thread(target=run) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            """
        ),
        [],
    ).program
    works = [number for number, unit in enumerate(program.units) if unit.name == "work"]
    per_thread = [0] * program.threads()
    for group in program.groups:
        per_thread[group.thread] += group.times * sum(call.unit in works for call in group.pattern)
    assert sorted(per_thread) == [0, 50, 50]


def test_a_program_of_too_many_calls_is_recorded_up_to_a_limit_and_runs_on(script):
    path = script("def f():\n    return 1\nfor n in range(1_200_000):\n    f()\nraise SystemExit(n)\n")
    made = record(path, [], times="mean", most=100_000)
    assert made.more
    assert made.calls == 2 * CHUNK
    assert made.error.code == 1_199_999


def test_afterwards_nothing_is_watched_any_more(script):
    record(script(), ["1"])
    assert sys.getprofile() is None
    assert threading.getprofile() is None


def test_a_recording_survives_the_way_through_a_file(script, tmp_path):
    program = record(script(), ["100"]).program
    trace.write(program, tmp_path / "t.jsonl")
    again = trace.read(tmp_path / "t.jsonl")
    assert (again.units, again.groups) == (program.units, program.groups)


def test_a_script_that_is_not_there_or_calls_nothing_is_refused(tmp_path, script):
    with pytest.raises(InputError, match=r"no\.py: cannot be read \(No such file"):
        record(tmp_path / "no.py", [])
    made = Recorder(lambda code: False)
    with made:
        len("")
    made.close()
    assert not made.streams or not made.streams[0].calls


def test_installed_packages_and_we_ourselves_are_not_the_programs_own():
    wanted = own_code(())
    assert not wanted(textwrap.dedent.__code__)
    assert not wanted(record.__code__)
    assert not wanted(np.sum.__wrapped__.__code__ if hasattr(np.sum, "__wrapped__") else np.pad.__code__)
    assert wanted(sequence.__code__)
    assert own_code(("textwrap",))(textwrap.dedent.__code__)


@given(st.integers(0, 10**15))
def test_times_are_kept_within_a_hundredth(nanoseconds):
    assert abs(decoded(coded(nanoseconds)) - nanoseconds) <= 0.0102 * nanoseconds


@given(st.lists(st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(1, 40)), max_size=6))
def test_repeated_stretches_are_what_they_say_and_do_not_overlap(pieces):
    ids = np.array([item for pattern, times in pieces for item in pattern * times], np.int64)
    end = 0
    for start, period, times in repeated(ids):
        assert start >= end
        end = start + period * times
        assert times * period >= LEAST_CALLS
        assert (ids[start:end] == np.tile(ids[start : start + period], times)).all()


@pytest.mark.nightly
def test_ten_million_calls_are_recorded_in_less_than_half_a_gigabyte(script, tmp_path):
    path = script()
    out = tmp_path / "long.parquet"
    code = (
        "import resource, sys\n"
        "from tiering import trace\nfrom tiering.recorded import record\n"
        f"made = record({str(path)!r}, ['10000000'])\n"
        f"trace.write(made.program, {str(out)!r})\n"
        "assert made.calls == 10_000_008, made.calls\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)\n"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500
    assert isinstance(trace.read(out).groups[0], Group)
