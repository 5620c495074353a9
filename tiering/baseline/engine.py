"""LLVM: IR text to machine code, at one of three levels.

O0 is what is there at once: no passes, FastISel and the fast register allocator. O1 adds the code generator's own
optimisation and no IR passes. O3 is LLVM's whole pipeline. Every module is verified first, because an assertion of LLVM
would end the process. What comes out is an object file in memory; it is loaded as a library of its own, which can be
unloaded alone (MCJIT's engines own their target machine and cost 2 ms each; a shared one frees nothing).
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any, Literal

import llvmlite.binding as llvm

Level = Literal["O0", "O1", "O3"]
LEVELS: dict[Level, int] = {"O0": 0, "O1": 1, "O3": 3}

_serial = count()


class Code:
    """Machine code that is loaded, and the address of its entry."""

    def __init__(self, object_file: bytes, symbol: str) -> None:
        library = llvm.JITLibraryBuilder().add_object_img(object_file).add_current_process().export_symbol(symbol)
        self._tracker = library.link(_linker(), f"{symbol}.{next(_serial)}")
        self.address = int(self._tracker[symbol])
        self.bytes = len(object_file)

    def close(self) -> None:
        """Give its memory back. Nobody may be in it or enter it any more."""
        self._tracker.close()


@cache
def _linker() -> Any:
    return llvm.create_lljit_compiler(_machine("O0"))


@cache
def _machine(level: Level) -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=LEVELS[level],
        codemodel="small",
        reloc="pic",
        jit=True,
    )


def optimised(text: str, level: Level) -> Any:
    """A verified module, after the passes of its level. Raises RuntimeError for text that is no valid IR."""
    module = llvm.parse_assembly(text)
    module.verify()
    if level == "O3":
        machine = _machine(level)
        tuning = llvm.create_pipeline_tuning_options(speed_level=3)
        tuning.loop_vectorization = True
        tuning.slp_vectorization = True
        builder = llvm.create_pass_builder(machine, tuning)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        builder.getModulePassManager().run(module, builder)
    return module


def object_file(text: str, level: Level) -> bytes:
    """Compile a module to an object file that holds no address of this process."""
    emitted: bytes = _machine(level).emit_object(optimised(text, level))
    return emitted


def compile_text(text: str, symbol: str, level: Level) -> Code:
    """Compile and load a module."""
    return Code(object_file(text, level), symbol)
