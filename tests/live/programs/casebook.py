"""What the two scripts beside this one share. `python SCRIPT tiering` or `python SCRIPT numba` prints one line of JSON
per case: its name, where its code was made, and what came out.
"""

from __future__ import annotations

import json
import struct
import sys

import numba
import numpy as np
from numba.core.errors import NumbaError
from numba.typed import Dict, List

import tiering

TIERED = sys.argv[1:] != ["numba"]
CASES = []


def jit(function=None, **options):
    if TIERED:
        return tiering.jit(function, **options)
    options.setdefault("boundscheck", True)
    return numba.njit(function, **options) if function else numba.njit(**options)


def case(function):
    """A function that returns a compiled function and a list of what its calls gave."""
    CASES.append(function)
    return function


def outcome(function, *arguments):
    try:
        return bits(function(*arguments))
    except NumbaError:
        raise
    except Exception as error:  # noqa: BLE001 (which one it is, is the outcome)
        return f"{type(error).__module__}.{type(error).__name__}{error.args}"


def bits(value):
    if isinstance(value, tuple):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, list | List):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, dict | Dict):
        return [type(value).__name__, *([bits(key), bits(item)] for key, item in value.items())]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), str(value.shape), value.flags.writeable, value.tobytes().hex()]
    if isinstance(value, float):
        return ["float", struct.pack("<d", value).hex()]
    return [type(value).__name__, repr(value)]


def main():
    if TIERED:
        from tiering.live.runtime import RUNTIME

        tiering.configure()
        assert RUNTIME.pool.ready.wait(60)
    for run in CASES:
        function, results = run()
        where = function.tiering.units[0].where if TIERED else ""
        print(json.dumps({"case": run.__name__, "where": where, "results": results}))
