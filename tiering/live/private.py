"""Every private name of Numba and llvmlite that the live runtime touches, in one place.

The public API of Numba cannot install code that another process compiled, nor run a function interpreted behind
its dispatcher; its internals can, and have been stable enough for years. They are gated: on a Numba release that
this file was not proved on, `why_not()` says so and `tiering.jit` gives plain `numba.njit` behaviour.

Six traps, each found by a crash or by a silently wrong result, and the guard against it:

1. symbol names carry a counter that every process starts at 1, so two processes make equal names for different code
   and callers link the wrong one: a worker counts from an offset of its own (`separate_symbols`);
2. mutually recursive functions leave `.numba.unresolved$` globals that only the compiling process can fill: refused;
3. global arrays above 1 MB, ctypes pointers and the like are baked in as addresses: refused;
4. the dispatcher's C table borrows its entries, so a CompileResult must stay alive for ever (`install`);
5. LLVM ends the process on a symbol that it cannot resolve: symbols are registered first (`prepare`), and what the
   code needs is compared with what there is before anything is linked (`unresolved`);
6. modules travel by name and are imported anew, so what a function reads from them may have another value there: a
   worker compares and refuses (`tiering.live.outside`).
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types
from numba.core import bytecode, serialize, sigutils
from numba.core.compiler import Compiler, CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import OmittedArg, _MemoMixin
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.runtime import _nrt_python
from numba.np.ufunc import parallel

from tiering.live import outside

PROVED = ((0, 68),)
"""Numba releases (major, minor) on which these internals were checked."""

Args = tuple[Any, ...]
Key = tuple[Any, ...]


def why_not() -> str | None:
    """Why code from another process cannot be used here, or None where it can."""
    release = tuple(int(part) for part in numba.__version__.split(".")[:2])
    if release not in PROVED:
        proved = ", ".join(".".join(map(str, pair)) for pair in PROVED)
        return f"Numba {numba.__version__} is not one of the releases that this was proved on ({proved})"
    if hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled():
        return "this Python runs without the GIL"
    return None


def prepare() -> None:
    """What must be there before code of another process can be linked: LLVM's symbols and the first `typeof`.

    Numba itself does this inside a context refresh of some 300 ms at its first compile; these 10 ms are the part
    that loading needs.
    """
    context = cpu_target.target_context
    for name, address in _nrt_python.c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)
    context.codegen()
    numba.typeof(np.empty(1))


def code_bytes(dispatcher: Any, key: tuple[Any, ...]) -> int:
    """Size of the object file behind a dispatcher's code for these argument types."""
    _, _, (object_code, _) = dispatcher.overloads[key].library.serialize_using_object_code()
    return len(object_code)


def fingerprint() -> tuple[Any, ...]:
    """What must be equal in two processes for one to run the other's code."""
    codegen = cpu_target.target_context.codegen()
    return (numba.__version__, np.__version__, sys.version_info[:3], *codegen.magic_tuple())


class Options(NamedTuple):
    """What a decorated function was given, as Numba itself understood it."""

    py_func: Callable[..., Any]
    locals: dict[str, Any]
    targetoptions: dict[str, Any]
    pipeline_class: type[Any]


def options_of(dispatcher: Any) -> Options:
    """The options behind a dispatcher that `numba.njit` made."""
    compiler = dispatcher._compiler
    return Options(dispatcher.py_func, dispatcher.locals, dispatcher.targetoptions, compiler.pipeline_class)


def is_dispatcher(value: Any) -> bool:
    """Whether this is a dispatcher; under NUMBA_DISABLE_JIT `njit` returns the function itself."""
    return isinstance(value, CPUDispatcher)


def stock_pipeline(options: Options) -> bool:
    """Whether the function is compiled by Numba's own pipeline; another one does not travel by pickle."""
    return bool(options.pipeline_class is Compiler)


class TieredDispatcher(CPUDispatcher):  # type: ignore[misc]
    """Numba's dispatcher with one method replaced: what happens when no compiled code matches the arguments.

    Compiled calls keep Numba's C fast path, because the C code asks Python only on a miss. It then calls whatever
    `_compile_for_args` returns with the same folded arguments, so returning a Python function is an interpreter.
    """

    enter: Callable[[Args], Callable[..., Any]] | None = None

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        if self.enter is None or kws:
            return super()._compile_for_args(*args, **kws)
        return self.enter(args)

    def _reduce_class(self) -> Any:
        return CPUDispatcher

    def compile_in_place(self, args: Args) -> Any:
        """Numba's own compile of these folded arguments, in this thread; raises what njit raises."""
        return super()._compile_for_args(*args)


def key_of(dispatcher: Any, args: Args) -> Key:
    """The argument types as Numba's own `_compile_for_args` computes them; `pyobject` is what it cannot type."""
    typeof = dispatcher.typeof_pyval
    key = tuple(types.Omitted(arg.value) if type(arg) is OmittedArg else typeof(arg) for arg in args)
    dispatcher._types_active_call.clear()
    return key


def is_typed(key: Key) -> bool:
    """Whether Numba can type every argument."""
    return types.pyobject not in key


def is_omitted(arg: Any) -> bool:
    """Whether a folded argument stands for a default that the caller left out; its `.value` is the default."""
    return type(arg) is OmittedArg


def entry_point(dispatcher: Any, key: Key) -> Any:
    """The compiled function for these argument types, or None."""
    result = dispatcher.overloads.get(key)
    return None if result is None else result.entry_point


def show_all_but(dispatcher: Any, hidden: set[Key]) -> None:
    """Show the C fast path all compiled code but this (inserting an overload twice would make it ambiguous)."""
    results = [result for key, result in list(dispatcher.overloads.items()) if key not in hidden]
    dispatcher._clear()
    for result in results:
        dispatcher._insert([arg._code for arg in result.signature.args], result.entry_point, result.objectmode)


def dump_request(dispatcher: Any, key: Key) -> bytes:
    """A compile request. The dispatcher itself travels, since a second wrapper would break self-recursion."""
    blob: bytes = serialize.dumps((dispatcher, key, outside.facts_for(dispatcher.py_func)))
    return blob


class Refused(Exception):
    """Code that only the process that compiled it can run."""


class Code(NamedTuple):
    """Compiled code on its way between processes."""

    blob: bytes
    needs: tuple[str, ...]
    size_bytes: int


def compile_request(blob: bytes) -> Code:
    """In a worker: compile a request. Raises Refused, or NumbaError as njit would."""
    _MemoMixin._memo.clear()
    _MemoMixin._recent.clear()
    dispatcher, key, facts = serialize.loads(blob)
    changed = outside.first_difference(facts)
    if changed:
        raise Refused(f"{changed} has another value in a process that imports it anew")
    with _module_stub(dispatcher.py_func):
        dispatcher.compile(key)
    result = dispatcher.overloads[key]
    library = result.library
    if library.has_dynamic_globals:
        raise Refused("it refers to an array above 1 MB or to an address of this process")
    if any(not lifted.can_cache for lifted in result.lifted):
        raise Refused("its loops were lifted out of object mode")
    module = library._final_module
    names = [value.name for value in (*module.functions, *module.global_variables) if value.is_declaration]
    if any(value.name.startswith(".numba.unresolved$") for value in module.global_variables):
        raise Refused("it is mutually recursive")
    reduced = result._reduce()
    payload = serialize.dumps(reduced)
    needs = tuple(name for name in names if not name.startswith("llvm."))
    return Code(payload, needs, len(library._get_compiled_object()))


def unresolved(code: Code) -> list[str]:
    """Symbols that this code needs and this process does not have."""
    engine = cpu_target.target_context.codegen()._engine
    return [
        name
        for name in code.needs
        if not engine.is_symbol_defined(name) and not llvm.address_of_symbol(name) and not _is_environment(name)
    ]


def install(dispatcher: Any, code: Code, key: Key) -> None:
    """Link code of another process and give it to the dispatcher, which keeps it for ever; the C table is as it was.

    Raises Refused where that would crash or answer wrongly.
    """
    if key not in dispatcher.overloads:
        dispatcher.overloads[key] = _load(code, key)


def _load(code: Code, key: Key) -> Any:
    missing = unresolved(code)
    if "get_num_threads" in missing:
        parallel._launch_threads()
        missing = unresolved(code)
    if missing:
        raise Refused(f"it needs {missing[0]}, which this process does not have")
    context = cpu_target.target_context
    result = CompileResult._rebuild(context, *serialize.loads(code.blob))
    if tuple(result.signature.args) != key:
        raise Refused("its argument types do not survive the way to another process")
    if not result.objectmode:
        context.insert_user_function(result.entry_point, result.fndesc, [result.library])
    linker = context.codegen()._rtlinker
    linker.scan_defined_symbols(result.library._shared_module)
    linker.resolve(context.codegen()._engine)
    return result


@contextmanager
def compiler_lock(wait: bool) -> Iterator[bool]:
    """Numba's compiler lock; without `wait` only if it is free right now. The value says whether it is held."""
    free = global_compiler_lock._lock.acquire(blocking=wait)
    try:
        yield free
    finally:
        if free:
            global_compiler_lock._lock.release()


def separate_symbols(worker: int) -> None:
    """In a worker: name symbols from an offset of its own."""
    bytecode.FunctionIdentity._unique_ids = itertools.count((worker + 1) << 40)


def signatures(given: Any) -> list[Any]:
    """The explicit signatures among a decorator's first arguments: none, one, or a list."""
    if isinstance(given, list):
        return given
    return [given] if given is not None and sigutils.is_signature(given) else []


def short_error(error: BaseException) -> str:
    """A compiler's message in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:300]}"


def _warm(a: Any, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += a[i]
    return total


def _load_registries() -> None:
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _compile_something() -> None:
    numba.njit("float64(float64[::1], int64)", boundscheck=True)(_warm)


WARM_UP = (_load_registries, _compile_something)
"""What a worker does while nobody waits for it, so that its first request costs what later ones do."""


def _is_environment(name: str) -> bool:
    return name.startswith("_ZN08NumbaEnv")


@contextmanager
def _module_stub(function: Callable[..., Any]) -> Iterator[None]:
    name = function.__module__
    if name in sys.modules or inspect.getmodule(function) is not None:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]


__all__ = [
    "WARM_UP",
    "Code",
    "NumbaError",
    "Options",
    "Refused",
    "TieredDispatcher",
    "code_bytes",
    "compile_request",
    "compiler_lock",
    "dump_request",
    "entry_point",
    "fingerprint",
    "install",
    "is_dispatcher",
    "is_omitted",
    "is_typed",
    "key_of",
    "options_of",
    "prepare",
    "separate_symbols",
    "short_error",
    "show_all_but",
    "signatures",
    "stock_pipeline",
    "why_not",
]
