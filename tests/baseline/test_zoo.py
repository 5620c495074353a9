"""Every kernel of the zoo gives CPython's bits, its arguments included."""

from __future__ import annotations

import pytest
from tiering.workloads import zoo

from tiering.baseline.source import Refused

from .support import Compiled, bits, copied

FAMILIES = sorted(zoo.FAMILIES)


def check(family: str, *levels: str) -> None:
    """CPython runs each kernel once, which is what takes the time."""
    for kernel in zoo.kernels(family):
        given = kernel.inputs(kernel.sizes["small"], 1)
        compiled = [Compiled(kernel.entry, given, level) for level in levels]
        arguments = [tuple(copied(each) for each in given) for _ in (None, *levels)]
        results = [call(*each) for call, each in zip((kernel.entry, *compiled), arguments, strict=True)]
        for level, result, after in zip(levels, results[1:], arguments[1:], strict=True):
            assert (bits(result), bits(after)) == (bits(results[0]), bits(arguments[0])), (kernel.name, level)


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_give_cpythons_bits(family):
    check(family, "O0")


@pytest.mark.nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_give_cpythons_bits_when_optimised(family):
    check(family, "O1", "O3")


def test_every_kernel_is_taken():
    """The bar is 85 %; a kernel that is no longer taken is listed here with the reason."""
    refused = {}
    for kernel in zoo.kernels():
        try:
            Compiled(kernel.entry, kernel.inputs(kernel.sizes["small"], 1)).code.close()
        except Refused as error:
            refused[kernel.name] = error.what
    assert refused == {}
