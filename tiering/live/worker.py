"""A compile worker: a process of its own that turns pickled functions into machine code.

Why a process: a thread that compiles halves the speed of the main thread and stalls it for up to 85 ms, because
Numba is Python and holds the interpreter lock. Why not multiprocessing: it would run an unguarded script again.
Why persistent: the first compile of a process costs half a second that later ones do not.

The worker reads requests from its standard input and ends when that pipe closes, even in mid-compile, so it never
outlives its parent. What user code prints while it is compiled goes to standard error, never into the pipe.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from queue import SimpleQueue
from typing import BinaryIO

from tiering.live import wire
from tiering.live.wire import Hello, Reply, Request

ENVIRONMENT = "TIERING_WORKER"
"""Set in a worker's environment; `tiering.jit` is plain njit there."""


def main() -> None:
    """Serve requests until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # what imports and registries make stays: collecting would only delay the start
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    work: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, work), daemon=True).start()

    try:
        _work(work, replies)
    except BrokenPipeError:  # the parent is gone, and there is nobody to tell
        os._exit(0)


def _work(work: SimpleQueue[Request], replies: BinaryIO) -> None:
    from tiering.live import private

    private.separate_symbols(int(os.environ[ENVIRONMENT]))
    wire.send(replies, Hello(private.fingerprint()))
    for step in private.WARM_UP:
        if work.empty():
            step()
    gc.freeze()
    gc.enable()
    while True:
        wire.send(replies, _serve(work.get()))


def _serve(request: Request) -> Reply:
    from tiering.live import private

    started = time.perf_counter()
    try:
        code = private.compile_request(request.blob)
    except Exception as error:  # noqa: BLE001  a worker answers every request, whatever compiling it raises
        return Reply(request.serial, time.perf_counter() - started, refused=private.short_error(error))
    return Reply(request.serial, time.perf_counter() - started, code=code)


def _read(requests: BinaryIO, work: SimpleQueue[Request]) -> None:
    try:
        while True:
            work.put(wire.receive(requests))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
