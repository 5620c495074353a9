"""The calls of a running Python program, one after the other, with the time that each took.

CPython tells of every call and return: through `sys.monitoring` from 3.12 on, where functions that nobody wants are
switched off one by one and then cost nothing, and through `sys.setprofile` on 3.11. A unit is a Python function, by its
code object. A call's time is its own, without the recorded functions that it calls, and processor time of its thread:
waiting for a lock, a file or another thread is nothing that a compiler could shorten. The recorder's own time is left
out: the clock stands while it works, and what it takes CPython to call the recorder is measured beforehand on empty
functions and taken off each call and its caller.

Calls are kept in order of entry, eight bytes each: four for the unit, four for its own time in steps of 2 %, which is
finer than a clock on a shared machine. Chunks go to a temporary file, so memory stays the same however long the program
runs. What a generator does between two yields is one call.

Rejected: sampling. A policy lives on the order and the number of calls, which samples do not have.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import sysconfig
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, BinaryIO, NamedTuple

from tiering.errors import InputError

CHUNK = 1 << 16
"""Calls that are kept in memory for each thread."""

MAX_THREADS = 64
"""Threads of a trace; calls of further ones are not recorded."""

MOST_CALLS = 15_000_000
"""Calls of all threads, after which recording ends and the program goes on: a trace file holds 2e7 rows, and each
thread may have a chunk that is not counted yet."""

STEP = 1.02
"""Ratio of neighbouring times that are told apart."""

_recording: list[Recorder] = []
_clock = time.thread_time_ns
_log_step = math.log(STEP)


class Toll(NamedTuple):
    """Nanoseconds that being recorded adds to a call's own time, to its caller's, and to whoever runs while CPython
    tells of something that is not recorded."""

    callee: int = 0
    caller: int = 0
    ignored: int = 0


class Stream:
    """The calls of one thread: units and times in order of entry, and the calls that are running."""

    def __init__(self, number: int, spilled: Callable[[], bool], toll: Toll) -> None:
        self.number = number
        self._toll = toll
        self.thread = threading.current_thread()
        self.calls = 0
        self.full = False
        self._spilled = spilled
        self._units = array("i")
        self._times = array("i")
        self._first = 0
        self._stack: list[int] = []
        self._own: list[int] = []
        self._late: dict[int, int] = {}
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.last = _clock()

    def enter(self, unit: int, now: int) -> None:
        """A function is called."""
        own = self._own
        if own:
            own[-1] += now - self.last - self._toll.caller
        self._stack.append(self.calls)
        own.append(0)
        self._units.append(unit)
        self._times.append(0)
        self.calls += 1
        if len(self._units) >= CHUNK:
            self._spill()
            self.full = self._spilled()

    def leave(self, now: int) -> None:
        """The function that was called last returns. Without one, nothing happens: it was called before we began."""
        if not self._stack:
            return
        call, own = self._stack.pop(), self._own.pop() + now - self.last - self._toll.callee
        if call >= self._first:
            self._times[call - self._first] = coded(own)
        else:
            self._late[call] = coded(own)

    def end(self) -> None:
        """Whatever runs still is taken to end now."""
        self.full = True
        now = self.last
        while self._stack:
            self.leave(now)
        self._spill()

    def chunks(self) -> Iterator[tuple[array[int], array[int]]]:
        """Units and coded times, in order, after the end."""
        self._file.seek(0)
        place = 0
        while place < self.calls:
            size = min(CHUNK, self.calls - place)
            units, times = array("i"), array("i")
            units.frombytes(self._file.read(4 * size))
            times.frombytes(self._file.read(4 * size))
            for call, code in self._late.items():
                if place <= call < place + size:
                    times[call - place] = code
            yield units, times
            place += size

    def close(self) -> None:
        """Drop what was recorded."""
        self._file.close()

    def _spill(self) -> None:
        self._units.tofile(self._file)
        self._times.tofile(self._file)
        self._first = self.calls
        del self._units[:], self._times[:]


class Recorder:
    """Records while it is entered as a context, `most` calls and up to a chunk of each thread more.

    `wanted` says of a code object whether its calls are recorded; `full` whether there were more calls, `lost` whether
    somebody else took the profiler, or an exception inside it ended the recording. A forked child is not recorded.
    """

    def __init__(
        self,
        wanted: Callable[[CodeType], bool],
        most: int = MOST_CALLS,
        toll: Toll = Toll(),  # noqa: B008
    ) -> None:
        self.full = self.lost = False
        self._toll = toll
        self._most = most
        self.codes: list[CodeType] = []
        self.streams: list[Stream] = []
        self._wanted = wanted
        self._units: dict[int, int] = {}
        self._kept: list[CodeType] = []
        self._process = os.getpid()
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._tool: int | None = None
        self.seconds = 0.0

    def __enter__(self) -> Recorder:
        _recording.append(self)
        self.seconds = -time.perf_counter()
        if sys.version_info >= (3, 12):
            self._monitor()
        else:
            threading.setprofile(self._first_event)
            sys.setprofile(self._first_event)
        return self

    @property
    def forked(self) -> bool:
        """Whether this is a child of the process that is recorded."""
        return os.getpid() != self._process

    def _after_fork(self) -> None:
        if _recording and _recording[-1] is self:
            self._stop()
            for stream in self.streams:
                stream.full = True

    def __exit__(self, *_: object) -> None:
        if not self.forked:
            hook = None if self._tool is not None else sys.getprofile()
            known = getattr(self, "_hook", None)
            self.lost = self.lost or (self._tool is None and not self.full and known is not None and hook is not known)
            self._stop()
        self.seconds += time.perf_counter()
        for stream in self.streams if not self.forked else ():
            stream.end()
        _recording.remove(self)

    def _stop(self) -> None:
        if self._tool is not None:
            monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
            monitoring.set_events(self._tool, 0)
            monitoring.free_tool_id(self._tool)
        else:
            sys.setprofile(None)
            threading.setprofile(None)

    def means(self) -> list[int]:
        """Mean nanoseconds of the calls of each function, in the order of their first calls."""
        sums, calls = [0.0] * len(self.codes), [0] * len(self.codes)
        for stream in self.streams:
            for owners, times in stream.chunks():
                for owner, code in zip(owners, times, strict=True):
                    sums[owner] += decoded(code)
                    calls[owner] += 1
        return [round(total / max(1, count)) for total, count in zip(sums, calls, strict=True)]

    def close(self) -> None:
        """Drop what was recorded."""
        for stream in self.streams:
            stream.close()

    def unit(self, code: CodeType) -> int:
        """The number of a function, -1 if its calls are not wanted."""
        with self._lock:
            number = self._units.get(id(code))
            if number is None:
                number = len(self.codes) if self._wanted(code) else -1
                self._kept.append(code)  # so that its id stays its own; equal code of two files is two units
                if number >= 0:
                    self.codes.append(code)
                self._units[id(code)] = number
        return number

    def _stream(self) -> Stream | None:
        with self._lock:
            if len(self.streams) == MAX_THREADS:
                over = [stream for stream in self.streams if not stream.thread.is_alive()]
                if not over:
                    self.lost = True
                    return None
                over[0].thread = threading.current_thread()
                return over[0]
            stream = Stream(len(self.streams), self._is_full, self._toll)
            self.streams.append(stream)
        return stream

    def _is_full(self) -> bool:
        self.full = self.full or sum(stream.calls for stream in self.streams) >= self._most
        return self.full

    def _first_event(self, frame: FrameType, event: str, argument: Any) -> None:
        """`sys.setprofile` of a new thread: from now on its events go to a function of its own."""
        stream = self._stream()
        if stream is None:
            sys.setprofile(None)
            return
        units, unit = self._units, self.unit
        enter, leave, clock, ignored = stream.enter, stream.leave, _clock, self._toll.ignored

        def each(frame: FrameType, event: str, argument: Any) -> None:
            if event == "call":
                now = clock()
                code = frame.f_code
                number = units.get(id(code))
                if number is None:
                    number = unit(code)
                if number >= 0:
                    enter(number, now)
                    stream.last = clock()
                    if stream.full:
                        sys.setprofile(None)
                    return
            elif event == "return" and units.get(id(frame.f_code), -1) >= 0:
                leave(clock())
                stream.last = clock()
                return
            stream.last += ignored

        if stream.number == 0:
            self._hook = each
        sys.setprofile(each)
        each(frame, event, argument)

    def _monitor(self) -> None:
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        free = [tool for tool in range(6) if monitoring.get_tool(tool) is None and tool not in (0, 1)]
        if not free:
            raise InputError("record: all tools of sys.monitoring are taken; run without the other profilers")
        self._tool = tool = free[0]
        monitoring.use_tool_id(tool, "tiering")
        mine, units, unit, clock = self._mine, self._units, self.unit, _clock

        def entered(code: CodeType, _: int) -> Any:
            now = clock()
            number = units.get(id(code))
            if number is None:
                number = unit(code)
            if number < 0:
                return monitoring.DISABLE
            stream: Stream | None = getattr(mine, "stream", None)
            if stream is None and not hasattr(mine, "stream"):
                stream = mine.stream = self._stream()
            if stream is None:
                return None
            stream.enter(number, now)
            stream.last = clock()
            if stream.full:
                monitoring.set_events(self._tool, 0)
            return None

        def left(code: CodeType, _: int, __: Any) -> Any:
            now = clock()
            if units.get(id(code), -1) < 0:
                return monitoring.DISABLE
            stream = getattr(mine, "stream", None)
            if stream:
                stream.leave(now)
                stream.last = clock()
            return None

        def thrown(code: CodeType, offset: int, _: Any) -> None:
            entered(code, offset)

        def unwound(code: CodeType, offset: int, raised: Any) -> None:
            left(code, offset, raised)

        events = monitoring.events
        for event in (events.PY_START, events.PY_RESUME):
            monitoring.register_callback(tool, event, entered)
        for event in (events.PY_RETURN, events.PY_YIELD):
            monitoring.register_callback(tool, event, left)
        monitoring.register_callback(tool, events.PY_UNWIND, unwound)
        monitoring.register_callback(tool, events.PY_THROW, thrown)
        both = events.PY_START | events.PY_RESUME | events.PY_RETURN | events.PY_YIELD | events.PY_UNWIND
        both |= events.PY_THROW
        monitoring.set_events(tool, both)


def coded(nanoseconds: int) -> int:
    """A time as a whole number of steps; 0 is no time at all."""
    return 1 + round(math.log(nanoseconds) / _log_step) if nanoseconds > 0 else 0


def decoded(code: int) -> float:
    """The time in nanoseconds that a number stands for."""
    return math.exp((code - 1) * _log_step) if code else 0.0


def own_code(include: tuple[str, ...]) -> Callable[[CodeType], bool]:
    """Whether a function is the program's own, or of a package that is named: neither CPython's nor installed."""
    paths = sysconfig.get_paths()
    foreign = tuple(os.path.realpath(paths[kind]) + os.sep for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
    ours = os.path.dirname(os.path.realpath(__file__)) + os.sep
    named = tuple(f"{os.sep}{package.replace('.', os.sep)}" for package in include)

    def wanted(code: CodeType) -> bool:
        if code.co_filename.startswith("<"):  # made by exec, mostly for libraries: dataclasses, named tuples
            return False
        path = os.path.realpath(code.co_filename)
        if any(f"{name}{os.sep}" in path or path.endswith(f"{name}.py") for name in named):
            return True
        return not path.startswith((*foreign, ours))

    return wanted


def _forked() -> None:
    for recorder in _recording:
        recorder._after_fork()


os.register_at_fork(after_in_child=_forked)


class Cost(NamedTuple):
    """Of recording one call: seconds on the clock, and what of it would end up in the times."""

    seconds: float
    toll: Toll


def cost_of_a_call(calls: int = 20_000) -> Cost:
    """What recording a call takes on this machine, now: medians of seven trials with an empty function."""

    def empty() -> None:
        """Nothing."""

    def loop() -> None:
        for _ in range(calls):
            empty()

    def bare() -> None:
        for _ in range(calls):
            pass

    def idle() -> None:
        for _ in range(calls):
            abs(1)

    wanted = {empty.__code__, loop.__code__, idle.__code__}
    trials = []
    for _ in range(7):
        started, ticks = time.perf_counter(), _clock()
        loop()
        plain, plain_ticks = time.perf_counter() - started, _clock() - ticks
        ticks = _clock()
        bare()
        rounds = _clock() - ticks
        ticks = _clock()
        idle()
        idling = _clock() - ticks
        recorder = Recorder(wanted.__contains__)
        started = time.perf_counter()
        with recorder:
            loop()
            recorded = time.perf_counter() - started
            idle()
        caller, callee, ignoring = recorder.means()
        recorder.close()
        call = max(0, plain_ticks - rounds) // calls
        told = (ignoring - idling) / (2 * calls)
        trials.append((recorded - plain, callee - call, caller // calls - rounds // calls, told))
    seconds, callee, caller, told = (statistics.median(values) for values in zip(*trials, strict=True))
    return Cost(max(0.0, seconds) / calls, Toll(max(0, int(callee)), max(0, int(caller)), max(0, int(told))))
