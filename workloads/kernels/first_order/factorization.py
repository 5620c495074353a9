"""Matrix factorization by Adam: short rows behind two indices, and two dense updates after all of them.

Users' and items' factors are found whose products are the ratings that are known (Koren, Bell & Volinsky, IEEE Computer
42(8), 2009), by Adam with bias correction (Kingma & Ba, ICLR 2015). The factors of one user lie next to each other; the
loops over them are short, and their number, the rank, never changes. A compiler that bets on it can unroll both.

The check runs the same training on the full matrix with a mask, and computes Adam's moments from the sums that they are
short for, over all gradients kept. That takes time quadratic in the steps and is why the kernel does not do so. The
training is not convex: rounding errors grow with the steps, and the tolerances hold for the sizes given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...kernel import Check, Kernel, Unit
from ...workload import Floats, Indices
from .adam_steps import adam_step


def factor_gradient(
    users: Indices,
    items: Indices,
    ratings: Floats,
    left: Floats,
    right: Floats,
    by_left: Floats,
    by_right: Floats,
    rank: int,
) -> float:
    """Write the gradients of half the sum of squared errors into `by_left` and `by_right`; return that sum.

    `users`, `items` and `ratings` have shape (ratings,); the factors of user u are in places u * `rank` and on of
    `left`, those of item i in places i * `rank` and on of `right`, and the gradients likewise. IndexError if an index
    is outside.
    """
    for k in range(len(by_left)):
        by_left[k] = 0.0
    for k in range(len(by_right)):
        by_right[k] = 0.0
    loss = 0.0
    for r in range(len(ratings)):
        u, i = int(users[r]) * rank, int(items[r]) * rank
        error = -float(ratings[r])
        for k in range(rank):
            error += float(left[u + k]) * float(right[i + k])
        loss += 0.5 * error * error
        for k in range(rank):
            by_left[u + k] = float(by_left[u + k]) + error * float(right[i + k])
            by_right[i + k] = float(by_right[i + k]) + error * float(left[u + k])
    return loss


def adam_factorization(
    users: Indices, items: Indices, ratings: Floats, left: Floats, right: Floats, rank: int, rate: float, steps: int
) -> float:
    """Fit the factors in place for `steps` steps with Adam's usual constants; return the loss before the last one.

    Shapes and errors as in `factor_gradient`.
    """
    by_left, by_right = np.zeros_like(left), np.zeros_like(right)
    mean_left, mean_right = np.zeros_like(left), np.zeros_like(right)
    square_left, square_right = np.zeros_like(left), np.zeros_like(right)
    power1, power2, loss = 1.0, 1.0, 0.0
    for _ in range(steps):
        power1 *= 0.9
        power2 *= 0.999
        loss = factor_gradient(users, items, ratings, left, right, by_left, by_right, rank)
        adam_step(left, by_left, mean_left, square_left, rate, 0.9, 0.999, 1.0 - power1, 1.0 - power2, 1e-8)
        adam_step(right, by_right, mean_right, square_right, rate, 0.9, 0.999, 1.0 - power1, 1.0 - power2, 1e-8)
    return loss


def factorization_inputs(size: Mapping[str, int], seed: int) -> tuple[Any, ...]:
    """Known entries of a matrix of rank `rank`, each at most once, and small random factors."""
    random = np.random.Generator(np.random.PCG64(seed))
    users, items, rank = size["users"], size["items"], size["rank"]
    planted = random.standard_normal((users, rank)) @ random.standard_normal((rank, items)) / math.sqrt(rank)
    places = random.permutation(users * items)[: size["ratings"]].astype(np.int64)
    left, right = 0.5 * random.standard_normal(users * rank), 0.5 * random.standard_normal(items * rank)
    return places // items, places % items, planted.ravel()[places], left, right, rank, 0.05, size["steps"]


def factorization_checks(before: tuple[Any, ...], result: float, after: tuple[Any, ...]) -> list[Check]:
    """The same training on a full matrix with a mask, the moments from the sums over all gradients."""
    users, items, ratings, left, right, rank, rate, steps = before
    factors = np.concatenate([left, right])
    known = np.zeros((len(left) // rank, len(right) // rank))
    known[users, items] = 1.0
    matrix = np.zeros_like(known)
    matrix[users, items] = ratings
    history = np.zeros((steps, len(factors)))
    loss = 0.0
    for t in range(1, steps + 1):
        rows, columns = factors[: len(left)].reshape(-1, rank), factors[len(left) :].reshape(-1, rank)
        errors = known * (rows @ columns.T - matrix)
        loss = 0.5 * float(np.sum(errors**2))
        history[t - 1] = np.concatenate([(errors @ columns).ravel(), (errors.T @ rows).ravel()])
        ages = np.arange(t - 1, -1, -1)
        mean = 0.9**ages @ history[:t] / np.sum(0.9**ages)
        square = 0.999**ages @ history[:t] ** 2 / np.sum(0.999**ages)
        factors = factors - rate * mean / (np.sqrt(square) + 1e-8)
    return [
        Check("users", after[3], factors[: len(left)], 1e-7, "masked matrix, sums of Kingma & Ba 2015, section 3"),
        Check("items", after[4], factors[len(left) :], 1e-7, "masked matrix, sums of Kingma & Ba 2015, section 3"),
        Check("loss", result, loss, 1e-7, "masked matrix"),
    ]


KERNELS = (
    Kernel(
        name="adam_factorization",
        family="first_order",
        summary="factors of a matrix from some of its entries, by Adam",
        units=(
            Unit(adam_factorization, ("steps",)),
            Unit(factor_gradient, ("users' factors", "items' factors", "ratings", "rank", "rank")),
            Unit(adam_step, ("factors",)),
        ),
        signature=("float64(int64[::1], int64[::1], float64[::1], float64[::1], float64[::1], int64, float64, int64)"),
        sizes={
            "small": {"users": 12, "items": 10, "rank": 4, "ratings": 60, "steps": 80},
            "medium": {"users": 100, "items": 80, "rank": 4, "ratings": 2000, "steps": 200},
            "large": {"users": 300, "items": 200, "rank": 4, "ratings": 12_000, "steps": 350},
        },
        inputs=factorization_inputs,
        checks=factorization_checks,
        bets={"constant_shapes": "both loops over the rank, 4, within the loop over ratings"},
    ),
)
