"""Makes the measured part of the profile that ships: `python -m tiering.demo.reference MACHINE_PROFILE`.

MACHINE_PROFILE is what `tiering demo --profile` wrote. Its costs per kernel replace those of the reference profile; the
tiers' priors there stay, since a demo measures two tiers and the reference machine has four.
"""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version

from tiering import profile
from tiering.profile import UnitCosts

DIGITS = 3


def main(path: str) -> None:
    """Rewrite the reference profile."""
    found = profile.read(path)
    units = {key: _rounded(costs) for key, costs in found.units.items()}
    prior = profile.reference()
    source = prior.source.split(" Units: ")[0]
    made_by = f"Python {platform.python_version()}, Numba {version('numba')}, {platform.machine()}"
    profile.write(
        prior._replace(units=units, source=f"{source} Units: tiering demo on that machine, {made_by}."),
        profile.REFERENCE,
    )


def _rounded(costs: UnitCosts) -> UnitCosts:
    def short(values: dict[str, float]) -> dict[str, float]:
        return {tier: float(f"{value:.{DIGITS}g}") for tier, value in values.items()}

    return UnitCosts(short(costs.seconds), short(costs.compile_seconds), costs.code_bytes)


if __name__ == "__main__":
    main(*sys.argv[1:])
