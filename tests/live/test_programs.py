"""Whole programs: however Python was started, they give their answer, end, and say nothing on standard error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from .support import PATIENCE, environment, eventually, run

UNGUARDED = """\
import tiering

print("imported", __name__)


@tiering.jit(interpret="always", controller="always")
def step(x):
    return x * 3 + 1


@tiering.jit
def required(x):
    return x - 1


def until_compiled():
    import time
    deadline = time.monotonic() + 60
    while step.tiering.tier != "optimized" and time.monotonic() < deadline:
        step(2)


first = step(2)
until_compiled()
print(step(5), required(5), step.tiering.units[0].where)
"""
SAID = ["imported __main__", "16 4 in a worker process"]


def test_an_unguarded_script_runs_once(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(UNGUARDED, encoding="utf-8")
    ended = run(path, cwd=tmp_path)
    assert ended.out.splitlines() == SAID
    assert ended.err == ""


@pytest.mark.parametrize("flags", [["-c", UNGUARDED], ["-"], ["-I", "-c", UNGUARDED], ["-O", "-c", UNGUARDED]])
def test_programs_that_are_no_files_run(tmp_path, flags):
    ended = run(*flags, cwd=tmp_path, text=UNGUARDED if flags == ["-"] else None)
    assert ended.out.splitlines() == SAID
    assert ended.err == ""


def test_a_package_run_as_a_module(tmp_path):
    (tmp_path / "application").mkdir()
    (tmp_path / "application" / "__init__.py").touch()
    (tmp_path / "application" / "__main__.py").write_text(UNGUARDED, encoding="utf-8")
    ended = run("-m", "application", cwd=tmp_path)
    assert ended.out.splitlines() == SAID
    assert ended.err == ""


def test_an_interactive_session(tmp_path):
    typed = UNGUARDED.replace("\n\n\n@", "\n\n@").replace("\n\n    ", "\n    ")
    ended = run("-q", "-i", cwd=tmp_path, text=typed + "\nexit()\n")
    assert ended.out.splitlines() == SAID
    assert "Error" not in ended.err


def test_a_session_that_goes_on_after_a_script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(UNGUARDED, encoding="utf-8")
    ended = run("-i", path, cwd=tmp_path, text="print(step(6), step.tiering.tier)\n")
    assert ended.out.splitlines() == [*SAID, "19 optimized"]
    assert "Error" not in ended.err


def test_a_folder_with_modules_named_like_ours(tmp_path):
    for name in ("controllers", "workloads", "live", "protocol", "wire", "worker", "log"):
        (tmp_path / f"{name}.py").write_text("NAME = __name__\nprint('loaded', NAME)\n", encoding="utf-8")
    path = tmp_path / "script.py"
    path.write_text("import controllers\nimport workloads\n" + UNGUARDED, encoding="utf-8")
    ended = run(path, cwd=tmp_path)
    assert ended.out.splitlines() == ["loaded controllers", "loaded workloads", *SAID]
    assert ended.err == ""


def test_functions_of_the_program_s_own_modules_are_compiled_by_workers(tmp_path):
    (tmp_path / "library.py").write_text(
        "import tiering\nFACTOR = 5\n\n@tiering.jit\ndef inner(x):\n    return x * FACTOR\n", encoding="utf-8"
    )
    source = """
import library
import tiering
from tiering.live.runtime import RUNTIME

@tiering.jit
def outer(x):
    return library.inner(x) + library.FACTOR

tiering.configure()
RUNTIME.pool.ready.wait(60)
print(outer(2), outer.tiering.units[0].where, library.inner(1), library.inner.tiering.units[0].where)
"""
    path = tmp_path / "script.py"
    path.write_text(source, encoding="utf-8")
    assert run(path, cwd=tmp_path).out == "15 in a worker process 5 in a worker process\n"


def test_what_is_printed_while_compiling_does_not_reach_the_pipe(program):
    source = """
        import tiering
        from tiering.live import private
        from tiering.live.runtime import RUNTIME

        class Loud:
            def __reduce__(self):
                return eval, ("__import__('os').write(1, b'noise' * 1000) and print('more', flush=True)",)

        dump = private.dump_request

        @tiering.jit
        def refused(x):
            return x + 5

        @tiering.jit
        def shipped(x):
            return x + 1

        RUNTIME.pool.ready.wait(60)
        private.dump_request = lambda dispatcher, key: private.serialize.dumps((Loud(), key))
        print(refused(1), refused.tiering.units[0].where.startswith("in place"))
        private.dump_request = dump
        print(shipped(1), shipped.tiering.units[0].where)
    """
    ended = program(source)
    assert ended.out.splitlines() == ["6 True", "2 in a worker process"]
    assert "noisenoise" in ended.err
    assert "more" in ended.err


def test_control_c_ends_the_program_and_no_worker_says_a_word(tmp_path):
    source = """
import time
import tiering
from tiering.live.runtime import RUNTIME
tiering.configure(workers=2)
RUNTIME.pool.ready.wait(60)
print("ready", flush=True)
while True:
    time.sleep(0.01)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1
    assert err.endswith("KeyboardInterrupt\n")


FORKING = """
    import os, warnings
    import tiering
    from tiering.live.runtime import RUNTIME

    @tiering.jit(interpret="always", controller="always")
    def before(x):
        return x + 1

    @tiering.jit
    def later(x):
        return x + 2

    tiering.configure()
    RUNTIME.pool.ready.wait(60)
    while before.tiering.tier != "optimized":
        before(1)
    warnings.simplefilter("ignore")  # Python 3.12 and later warn of forking with threads
    child = os.fork()
    if not child:
        print("child", before(1), before(1.5), later(1), later.tiering.units[0].where, flush=True)
        CHILD_ENDS
    _, status = os.waitpid(child, 0)
    print("parent", before(1), later(1), later.tiering.units[0].where, status)
"""


@pytest.mark.parametrize("ending", ["os._exit(0)", "raise SystemExit(0)"])
def test_a_forked_child_is_plain_njit_and_its_parent_goes_on(program, ending):
    ended = program(FORKING.replace("CHILD_ENDS", ending))
    assert ended.out.splitlines() == [
        "child 2 2.5 3 in place (the runtime is shut down)",
        "parent 2 3 in a worker process 0",
    ]
    assert ended.err == ""


def test_workers_end_by_themselves_though_a_forked_child_lives_on(program):
    """A child inherits the pipes; it must not keep the parent's workers from seeing them close."""
    source = """
        import os, time
        import tiering
        from tiering.live.runtime import RUNTIME

        tiering.configure()
        RUNTIME.pool.ready.wait(60)
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
        workers = [worker.process for worker in RUNTIME.pool._workers]
        tiering.shutdown()
        print({worker.returncode for worker in workers})
        os.close(write)
        os.waitpid(child, 0)
    """
    assert program(source).out == "{0}\n"


def test_multiprocessing_pools_of_either_kind_use_tiered_functions(tmp_path):
    source = """
import multiprocessing, sys
import tiering

@tiering.jit(interpret="always", controller="always")
def square(x):
    return x * x

if __name__ == "__main__":
    tiering.configure()
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            print(pool.map(square, range(5)))
"""
    path = tmp_path / "script.py"
    path.write_text(source, encoding="utf-8")
    assert run(path, cwd=tmp_path).out.splitlines() == ["[0, 1, 4, 9, 16]"] * 2


def test_after_shutdown_functions_go_on_and_configure_starts_anew(program):
    source = """
        import tiering
        from tiering.live.runtime import RUNTIME

        @tiering.jit(interpret="always", controller="never")
        def interpreted(x):
            return x + 1

        @tiering.jit
        def required(x):
            return x + 2

        assert interpreted(1) == 2
        tiering.shutdown()
        tiering.shutdown()
        assert RUNTIME.pool is None
        assert (interpreted(1), interpreted(1.5), required(1)) == (2, 2.5, 3)
        print(required.tiering.units[0].where)
        tiering.configure(controller="always")
        RUNTIME.pool.ready.wait(60)
        assert (interpreted(1), required(1)) == (2, 3)

        @tiering.jit
        def afterwards(x):
            return x + 3

        print(afterwards(1), afterwards.tiering.units[0].where)
    """
    ended = program(source)
    assert ended.out.splitlines() == ["in place (the runtime is shut down)", "4 in a worker process"]
    assert ended.err == ""


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "import os; os.kill(os.getpid(), 15)", "1 / 0"])
def test_a_program_may_end_at_any_moment(tmp_path, ending):
    """Here: while workers start, with compiles waiting and threads that still run."""
    source = f"""
import threading
import tiering

@tiering.jit(interpret="always", controller="always")
def step(x):
    return x * 3 + 1

threading.Thread(target=lambda: [step(float(i % 5)) for i in range(1000)], daemon=True).start()
step(1)
print("done", flush=True)
{ending}
"""
    ended = run("-c", source, cwd=tmp_path, expect=None)
    assert ended.out == "done\n"
    assert ended.returncode == {"1 / 0": 1}.get(ending, -15 if "kill" in ending else 0)
    assert ended.err.count("Traceback") == ("1 / 0" in ending)


def test_standard_streams_may_be_closed(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(UNGUARDED + f"open({str(tmp_path / 'said')!r}, 'w').write(str(step(5)))\n", encoding="utf-8")
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        command = ["sh", "-c", f'exec "$0" "$1" {closed}', sys.executable, str(path)]
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL)
        assert process.wait(PATIENCE) == 0, closed
        assert eventually((tmp_path / "said").exists)
        (tmp_path / "said").unlink()
