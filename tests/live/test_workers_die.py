"""Workers are killed, refuse to start or are not there at all: the program goes on and its results are right."""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import numba
import numpy as np
import pytest

import tiering
from tiering import processes
from tiering.live.pool import Pool
from tiering.live.runtime import RUNTIME

from .support import PATIENCE, call_until, environment, eventually

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture(autouse=True)
def one_worker(warm: None) -> Iterator[None]:
    """A pool of one, so that it is known who compiles; a new one for each test, since deaths are counted."""
    tiering.configure(workers=1)
    assert RUNTIME.pool.ready.wait(PATIENCE)
    yield
    tiering.configure(workers=2)


def slow_to_compile(a):
    """Array expressions take a second to compile."""
    b = np.exp(a) + np.sin(a) * 2 - np.cos(a) / 3
    c = np.sqrt(np.abs(b)) + np.tanh(b[::-1]) + a.mean() + b.std()
    return np.sort(c)[0] + (c * b).sum() + np.argmax(b)


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def kill_while(busy, times: int) -> None:
    """Kill the worker that has taken up the job, `times` times."""
    for _ in range(times):
        victim = eventually(lambda: at_work_on(busy()), "a worker at work")
        kill(victim.process.pid)
        eventually(functools.partial(is_gone, victim), "its death being noticed")


def at_work_on(job):
    return next((worker for worker in list(RUNTIME.pool._workers) if job is not None and worker.job is job), None)


def is_gone(worker) -> bool:
    return worker not in RUNTIME.pool._workers


def in_background(work) -> tuple[threading.Thread, list]:
    results: list = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


ARRAY = np.linspace(0.0, 1.0, 50)


@pytest.fixture(scope="module")
def answer():
    return numba.njit(boundscheck=True)(slow_to_compile)(ARRAY)


def test_an_interpreted_function_is_compiled_after_its_worker_died(answer, caplog):
    function = tiering.jit(interpret="always", controller="always")(slow_to_compile)
    function(ARRAY)
    (unit,) = function.enter.__self__.units.values()
    kill_while(lambda: unit.job, 1)
    results = call_until(lambda: function(ARRAY), lambda: function.tiering.tier == "optimized")
    assert results[-1] == answer
    assert np.allclose(results, answer, rtol=1e-12)
    assert function.tiering.units[0].where == "in a worker process"
    assert [record.message for record in caplog.records] == ["a compile worker ended (exit code -9)"]


def test_a_required_function_is_compiled_after_its_worker_died(answer):
    function = tiering.jit(slow_to_compile)
    thread, results = in_background(lambda: function(ARRAY))
    (unit,) = eventually(lambda: tuple(function.enter.__self__.units.values()))
    kill_while(lambda: unit.job, 1)
    thread.join(PATIENCE)
    assert results == [answer]
    assert function.tiering.units[0].where == "in a worker process"


def test_an_interpreted_function_that_ends_two_workers_stays_interpreted(answer, caplog):
    caplog.set_level(logging.INFO, "tiering")
    function = tiering.jit(interpret="always", controller="always")(slow_to_compile)
    function(ARRAY)
    (unit,) = function.enter.__self__.units.values()
    kill_while(lambda: unit.job, 2)
    results = call_until(lambda: function(ARRAY), lambda: function.tiering.units[0].failures)
    results += [function(ARRAY) for _ in range(20)]
    assert np.allclose(results, answer, rtol=1e-12)
    assert function.tiering.tier == "interpreter"
    assert "stays interpreted: compiling it ended 2 workers" in caplog.text


def test_a_required_function_that_ends_two_workers_is_compiled_in_place(answer):
    function = tiering.jit(slow_to_compile)
    thread, results = in_background(lambda: function(ARRAY))
    (unit,) = eventually(lambda: tuple(function.enter.__self__.units.values()))
    kill_while(lambda: unit.job, 2)
    thread.join(PATIENCE)
    assert results == [answer]
    assert function.tiering.units[0].where == "in place (compiling it ended 2 workers)"


def test_a_pool_serves_again_after_an_idle_worker_died():
    (pid,) = RUNTIME.pool.pids()
    kill(pid)
    eventually(lambda: RUNTIME.pool.pids() not in ([], [pid]), "a new worker")

    @tiering.jit
    def incremented(x):
        return x + 1

    assert incremented(1) == 2
    assert incremented.tiering.units[0].where == "in a worker process"


def test_workers_that_never_start_close_the_pool(monkeypatch, caplog):
    monkeypatch.setattr(processes, "command", lambda module: [sys.executable, "-c", "raise SystemExit(3)"])
    pool = Pool(1, ("no", "matter"))
    eventually(lambda: pool.closed)
    assert pool.closed == "workers end one after the other"
    assert caplog.messages[-1] == "compiling in place from now on: workers end one after the other"
    pool.close()


def test_a_worker_of_another_build_closes_the_pool(caplog):
    pool = Pool(1, ("another", "fingerprint"))
    eventually(lambda: pool.closed and not pool.pids(), "the worker being sent away")
    assert pool.closed == "a worker's machine code does not suit this process"
    pool.close()


def test_an_interpreter_that_cannot_be_started_closes_the_pool(monkeypatch):
    for executable in ("no-such-python", None, ""):
        monkeypatch.setattr(sys, "executable", executable)
        pool = Pool(1, ("no", "matter"))
        assert pool.closed.startswith("a worker cannot be started")
        pool.close()


def test_without_workers_code_is_compiled_in_place():
    tiering.configure(workers=0)

    @tiering.jit
    def required(x):
        return x + 1

    @tiering.jit(interpret="always", controller="always")
    def interpreted(x):
        return x + 2

    assert required(1) == 2
    assert call_until(lambda: interpreted(1), lambda: interpreted.tiering.tier == "optimized")[-1] == 3
    assert required.tiering.units[0].where == "in place (there are no workers)"
    assert interpreted.tiering.units[0].where == "in place (there are no workers)"


def test_a_full_code_cache_is_a_named_failure_and_the_results_stay_right(caplog):
    caplog.set_level(logging.INFO, "tiering")

    def made(k):
        @tiering.jit(interpret="always")
        def shifted(x):
            return x + k

        return shifted

    tiering.configure(controller="always", code_bytes=1)
    first, second = made(1), made(2)
    call_until(lambda: first(1), lambda: first.tiering.tier == "optimized")
    assert set(call_until(lambda: second(1), lambda: second.tiering.units[0].failures)) == {3}
    assert second.tiering.tier == "interpreter"
    assert "stays interpreted: the code cache is full (1 bytes)" in caplog.text


def test_changing_the_number_of_workers_loses_no_compile():
    def made(k):
        @tiering.jit
        def shifted(x):
            return x + k

        return shifted

    stop = threading.Event()

    def changing():
        while not stop.is_set():
            tiering.configure(workers=2)
            tiering.configure(workers=1)

    thread = threading.Thread(target=changing)
    thread.start()
    try:
        assert [made(k)(0) for k in range(12)] == list(range(12))
    finally:
        stop.set()
        thread.join()


def test_a_worker_ends_when_its_parent_is_killed(tmp_path):
    source = """
import sys, time
import tiering
from tiering.live.runtime import RUNTIME
tiering.configure(workers=2)
RUNTIME.pool.ready.wait(60)
print(*RUNTIME.pool.pids(), flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", source], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(alive, pids))
        parent.kill()
    eventually(lambda: not any(map(alive, pids)), "the workers' end")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for by anybody does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
