"""A table of loans, one call per row: many calls, and next to no work in any of them.

One meets it wherever a function of scalars is applied to the rows of a spreadsheet or a small database. The function is
closed-form arithmetic of a microsecond, and the table has a few thousand rows.

It crosses every invocation threshold in use (200 before HotSpot's first compiler, 1619 for a function in PyPy) within a
few milliseconds of work: a count that does not look at what a call costs compiles it for a gain that the program does
not live to see. The rare rows of no interest divide by zero, and a few hundred calls have already made the bet that
none does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program import Decorate, WholeProgram

ROWS = 4000


def instalment(principal: float, monthly: float, growth: float) -> float:
    """What is paid back per month at the interest `monthly`, given its `growth` over the whole term.

    ZeroDivisionError where there is no interest.
    """
    return principal * monthly * growth / (growth - 1.0)


def run(decorate: Decorate) -> dict[str, Any]:
    """Return every row's instalment, their sum, and how many loans bear no interest."""
    monthly_instalment = decorate(instalment)
    random = np.random.Generator(np.random.PCG64(12))
    principals = random.integers(5, 400, ROWS).tolist()
    rates = random.integers(1, 9, ROWS).tolist()
    terms = random.integers(12, 360, ROWS).tolist()
    free = set(random.integers(600, ROWS, 9).tolist())
    instalments, interest_free = [], 0
    for row in range(ROWS):
        monthly = 0.0 if row in free else rates[row] / 1200.0
        principal = 1000.0 * principals[row]
        try:
            paid = monthly_instalment(principal, monthly, (1.0 + monthly) ** terms[row])
        except ZeroDivisionError:
            interest_free += 1
            paid = principal / terms[row]
        instalments.append(paid)
    return {"instalments": np.array(instalments), "sum": sum(instalments), "interest_free": interest_free}


PROGRAM = WholeProgram(
    name="tiny_calls",
    summary="four thousand calls of a formula on scalars",
    length="short",
    stresses="invocations cross every threshold while the work stays at milliseconds; a rare division by zero",
    run=run,
)
