"""All kernels, by family and by name.

The table is static and lists modules, each with its `KERNELS`; a module is imported when one of its kernels is asked
for, so listing the families costs nothing.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator

from .kernel import Kernel

FAMILIES: dict[str, tuple[str, ...]] = {
    "landscapes": ("bowls",),
    "first_order": (),
    "curvature": (),
    "control": (),
    "search": (),
    "meta": (),
    "science": (),
    "classics": (),
}
"""Family -> its modules, in `workloads.kernels.<family>`."""


def kernels(family: str | None = None) -> Iterator[Kernel]:
    """All kernels of a family, or of all. Raises KeyError for an unknown family."""
    for name in [family] if family else FAMILIES:
        for module in FAMILIES[name]:
            yield from importlib.import_module(f".kernels.{name}.{module}", __package__).KERNELS


def kernel(name: str) -> Kernel:
    """The kernel of this name. Raises KeyError, with the nearest name, if there is none."""
    found = {each.name: each for each in kernels()}
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        raise KeyError(f"no kernel {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return found[name]
