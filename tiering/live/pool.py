"""The pool of compile workers: who compiles what, and what happens when a worker dies.

One thread owns everything here; all others only put messages into its mailbox, so there is no lock to hold and none
to wait for. Each worker gets one request at a time, the waiting one of highest priority. A worker that dies in
mid-compile is replaced and its request tried once more; a request that kills two workers is given up, since
compiling it in place might kill the program in the same way. Workers that die before they were ever of use, or one
whose machine code does not suit this process, close the pool: then everything is compiled in place.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from tiering import processes
from tiering.errors import InputError
from tiering.live import wire
from tiering.live.wire import Hello, Reply, Request
from tiering.live.worker import ENVIRONMENT

MAX_DEATHS = 5
MAX_TRIES = 2
_logger = logging.getLogger("tiering")
_births = itertools.count()
_spares: list[subprocess.Popen[bytes]] = []


class Outcome(NamedTuple):
    """The end of a job. One of three is not None: `code`; `refused`, why it can only be compiled in place (a
    compile error too, since a worker has not run the caller's script); `killed`, that it ended its workers."""

    waited: float
    took: float
    code: Any = None
    refused: str | None = None
    killed: str | None = None


@dataclass(eq=False)
class Job:
    """One compile: `dump` makes the request (in the pool's thread), `done` gets the outcome (there too)."""

    tier: int
    priority: float
    dump: Callable[[], bytes]
    done: Callable[[Outcome], None]
    submitted: float = field(default_factory=time.perf_counter)
    sent: float = 0.0
    tries: int = 0
    dropped: bool = False


@dataclass(eq=False)
class _Worker:
    process: subprocess.Popen[bytes]
    ready: bool = False
    job: Job | None = None
    hello: Hello | None = None


class Pool:
    """`workers` persistent compile processes. `fingerprint` is this process's, which theirs must equal."""

    def __init__(self, workers: int, fingerprint: tuple[Any, ...]) -> None:
        self.size = workers
        self.ready = threading.Event()
        self.closed: str | None = None if workers else "there are no workers"
        self.queued: dict[int, int] = {}
        self._fingerprint = fingerprint
        self._mail: SimpleQueue[tuple[Callable[..., None], tuple[Any, ...]]] = SimpleQueue()
        self._waiting: list[tuple[float, int, Job]] = []
        self._workers: list[_Worker] = []
        self._serial = 0
        self._deaths = 0
        self._running = True
        self._ended = False
        if workers:
            try:
                self._workers = [self._spawn() for _ in range(workers)]
            except OSError as error:
                self.closed = f"a worker cannot be started ({error.strerror})"
        self._thread = threading.Thread(target=self._run, name="tiering-pool", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; its outcome comes to `job.done`."""
        self.queued[job.tier] = self.queued.get(job.tier, 0) + 1
        self._mail.put((self._submit, (job,)))
        if self._ended:
            self._empty_mailbox()

    def discard(self, job: Job) -> None:
        """Drop a job: if it waits it never starts, if it runs its outcome is thrown away."""
        job.dropped = True

    def pids(self) -> list[int]:
        """Process ids of the workers that live."""
        return [worker.process.pid for worker in list(self._workers) if worker.process.poll() is None]

    def waiting(self, tiers: int) -> tuple[int, ...]:
        """Jobs that wait for a worker, per tier."""
        return tuple(self.queued.get(tier, 0) for tier in range(tiers))

    def close(self) -> None:
        """End the workers and the thread; jobs that are still there end as refused."""
        self._mail.put((self._stop, ()))
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while self._running:
            handler, arguments = self._mail.get()
            try:
                handler(*arguments)
            except Exception:
                _logger.exception("the compile pool failed; everything is compiled in place from now on")
                self._close("the pool failed")
        self._ended = True
        self._empty_mailbox()

    def _empty_mailbox(self) -> None:
        with suppress(Empty):
            while True:
                handler, arguments = self._mail.get_nowait()
                if handler == self._submit:
                    handler(*arguments)

    def _submit(self, job: Job) -> None:
        if self.closed:
            self._end(job, Outcome(0.0, 0.0, refused=self.closed))
            return
        self._serial += 1
        heapq.heappush(self._waiting, (-job.priority, self._serial, job))
        self._dispatch()

    def _dispatch(self) -> None:
        for worker in self._workers:
            while worker.ready and worker.job is None and self._waiting:
                self._send(worker, heapq.heappop(self._waiting)[2])

    def _send(self, worker: _Worker, job: Job) -> None:
        if job.dropped:
            self._leave_queue(job)
            return
        job.sent = time.perf_counter()
        try:
            blob = job.dump()
        except Exception as error:  # noqa: BLE001  what pickling user objects raises is anybody's guess
            reason = f"it cannot be pickled ({type(error).__name__}: {error})"
            self._end(job, Outcome(0.0, 0.0, refused=reason.splitlines()[0]))
            return
        job.tries += 1
        worker.job = job
        pipe = worker.process.stdin
        with suppress(OSError):
            if pipe is not None:
                wire.send(pipe, Request(job.tries, blob))

    def _hello(self, worker: _Worker, hello: Hello) -> None:
        if hello.fingerprint != self._fingerprint:
            self._close("a worker's machine code does not suit this process")
            return
        worker.ready, worker.hello = True, hello
        self.ready.set()
        self._dispatch()

    def _reply(self, worker: _Worker, reply: Reply) -> None:
        job, worker.job = worker.job, None
        if job is not None:
            self._deaths = 0
            waited = time.perf_counter() - job.submitted - reply.took
            self._end(job, Outcome(waited, reply.took, reply.code, reply.refused))
        self._dispatch()

    def _died(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        code = worker.process.wait()
        _close_pipes(worker.process)
        self._deaths += 1 if worker.ready else 2
        _logger.warning("a compile worker ended (exit code %s)", code)
        job = worker.job
        if job is not None and job.tries < MAX_TRIES:
            heapq.heappush(self._waiting, (-job.priority, 0, job))
        elif job is not None:
            self._end(job, Outcome(job.sent - job.submitted, 0.0, killed=f"compiling it ended {job.tries} workers"))
        if self._deaths >= MAX_DEATHS:
            self._close("workers end one after the other")
            return
        try:
            self._workers.append(self._spawn())
        except OSError as error:
            self._close(f"a worker cannot be started ({error.strerror})")

    def _end(self, job: Job, outcome: Outcome) -> None:
        self._leave_queue(job)
        if not job.dropped:
            job.done(outcome)

    def _leave_queue(self, job: Job) -> None:
        if self.queued.get(job.tier, 0) > 0:
            self.queued[job.tier] -= 1

    def _close(self, reason: str) -> None:
        if self.closed is None:
            self.closed = reason
            _logger.warning("compiling in place from now on: %s", reason)
        self._end_all(reason)

    def _stop(self) -> None:
        self.closed = self.closed or "the pool was shut down"
        self._end_all(self.closed)
        self._running = False

    def _end_all(self, reason: str) -> None:
        workers, self._workers = self._workers, []
        jobs = [worker.job for worker in workers if worker.job] + [entry[2] for entry in self._waiting]
        self._waiting = []
        for worker in workers:
            _end_process(worker.process)
        for job in jobs:
            self._end(job, Outcome(0.0, 0.0, refused=reason))

    def _spawn(self) -> _Worker:
        process = _spares.pop() if _spares else _start_process()
        worker = _Worker(process)
        threading.Thread(target=self._listen, args=(worker,), name="tiering-worker-pipe", daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        pipe = worker.process.stdout
        try:
            while pipe is not None:
                message = wire.receive(pipe)
                handler = self._hello if isinstance(message, Hello) else self._reply
                self._mail.put((handler, (worker, message)))
        except (EOFError, OSError, ValueError):
            self._mail.put((self._died, (worker,)))


def default_workers() -> int:
    """TIERING_WORKERS if that is set (0: no process is ever started), else one worker, two where cores abound.

    Raises InputError for a value that is not a whole number from 0 on.
    """
    given = os.environ.get("TIERING_WORKERS", "")
    if not given:
        return 2 if (os.cpu_count() or 1) > 3 else 1
    if not given.isdecimal():
        raise InputError(f"TIERING_WORKERS={given!r}: must be a whole number, at least 0")
    return int(given)


def prestart() -> None:
    """Start a worker before this process imports Numba, so that both do it at the same time; the pool takes it over."""
    with suppress(OSError):
        _spares.append(_start_process())


def end_spares() -> None:
    """End workers that no pool took over."""
    while _spares:
        _end_process(_spares.pop())


def forget_parent(pool: Pool | None) -> None:
    """In a forked child: workers are the parent's. Their pipes are let go of, or a worker would not see its parent
    close them as long as the child lives."""
    processes_of_parent = [worker.process for worker in pool._workers] if pool else []
    nowhere = os.open(os.devnull, os.O_RDWR)
    for process in (*processes_of_parent, *_spares):
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                os.dup2(nowhere, pipe.fileno())
    os.close(nowhere)
    _spares.clear()


def _start_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        processes.command("tiering.live.worker"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=processes.environment(**{ENVIRONMENT: str(next(_births))}),
        process_group=0,
    )


def _end_process(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(timeout=2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close_pipes(process)


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
