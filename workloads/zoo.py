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
    "landscapes": (
        "bowls",
        "minibatches",
        "noisy",
        "plane",
        "rosenbrock",
        "rotated_bowls",
        "rotations",
        "saddles",
        "spiky",
    ),
    "first_order": (
        "steps",
        "adam_steps",
        "decay_steps",
        "descent",
        "accelerated",
        "minibatch",
        "sparse",
        "dropout",
        "networks",
        "factorization",
        "poisson",
        "divergence",
        "imbalance",
        "lasso",
        "rewards",
    ),
    "curvature": (
        "newton",
        "damped",
        "trust_region",
        "saddle",
        "newton_cg",
        "products",
        "quasi_newton",
        "krylov",
        "least_squares",
        "stochastic",
        "switching",
        "gershgorin",
        "fisher",
        "selective",
        "consolidation",
        "assembly",
        "minimal_surface",
        "tape",
        "taped_training",
    ),
    "control": ("plane_stress", "rate", "simp", "truss"),
    "search": (
        "designs",
        "annealing",
        "subsets",
        "lattices",
        "wells",
        "gaussian_process",
        "improvement",
        "safety",
        "evolution",
        "smoothing",
        "covariance",
        "importance",
        "population",
        "rare_events",
    ),
    "meta": (
        "maml",
        "maml_sinusoid",
        "learned_rates",
        "learned_optimizer",
        "importance",
        "covariate_shift",
        "resampling",
        "coating",
        "neural_adjoint",
        "adversarial",
        "deepfool",
        "gauss_seidel",
        "layers",
    ),
    "science": (
        "annual_plant",
        "band_relaxation",
        "beam_former",
        "bottleneck",
        "car_parrinello",
        "elastic_band",
        "genetic_code",
        "hyperelastic_bar",
        "life_history",
        "source_mask",
        "source_mask_fit",
        "stability_limit",
    ),
    "classics": (
        "dense",
        "filters",
        "polynomials",
        "residues",
        "primes",
        "gathers",
        "sparse",
        "stencils",
        "flat",
        "diffusion",
        "divisions",
        "scaling",
        "branches",
        "clusters",
        "sequences",
        "orbits",
    ),
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
        near = difflib.get_close_matches(str(name), found, 1)
        raise KeyError(f"no kernel {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return found[name]
