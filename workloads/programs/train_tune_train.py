"""A classifier through its life: train, evaluate, tune, train again on more, adapt to a second task, evaluate.

One meets it as the script behind every model that is in use. The phases call different functions on data of different
size: training in mini-batches on eight features, the evaluation on held-out samples, a search for the rate with short
runs, a training of twice the width, curvature for the important weights, consolidation with a second task, and the
evaluation of it all.

The training function is hot twice, with a cold phase in between that is long enough to forget it, and comes back with
another width and batch: bets on shapes made in the first training are wrong in the second and would be worth most
there. Evaluation is rare and always the same; the tuning phase calls what is hot with inputs too small to matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats, Indices

CLASSES = 6
SAMPLES = 52_000


def evaluate(features: Floats, labels: Indices, weights: Floats, confusion: Indices) -> int:
    """Count labels against predictions in `confusion`, (classes, classes); return how many are right."""
    right = 0
    for i in range(features.shape[0]):
        best, chosen = -1e300, 0
        for k in range(weights.shape[0]):
            score = 0.0
            for j in range(weights.shape[1]):
                score += float(weights[k, j]) * float(features[i, j])
            if score > best:
                best, chosen = score, k
        confusion[int(labels[i]), chosen] += 1
        if chosen == int(labels[i]):
            right += 1
    return right


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the confusion and loss after each phase, the rates tried, and the weights of all models."""
    names = (
        *("minibatch_epochs", "diagonal_fisher", "natural_descent", "elastic_consolidation", "selective_descent"),
        *(
            "newton_logistic",
            "deepfool_targets",
            "bootstrap_error",
            "minibatch_gradient",
            "natural_step",
            "standardize",
        ),
    )
    k = {name: bound(zoo.kernel(name), decorate) for name in names}
    score = decorate(evaluate)
    random = np.random.Generator(np.random.PCG64(33))
    labels = random.integers(0, CLASSES, SAMPLES)
    centres = random.normal(0.0, 0.8, (CLASSES, 16))
    columns = np.ascontiguousarray((centres[labels] + random.normal(0.0, 1.0, (SAMPLES, 16))).T)
    k["standardize"](columns)
    wide = np.ascontiguousarray(columns.T)
    narrow, held = np.ascontiguousarray(wide[:, :8]), slice(SAMPLES - 2000, SAMPLES)
    results: dict[str, Any] = {}

    def train(
        features: Floats, samples: int, rounds: int, epochs: int, batch: int, rate: float
    ) -> tuple[Floats, float]:
        weights, loss = np.zeros((CLASSES, features.shape[1])), 0.0
        for _ in range(rounds):
            orders = np.array([random.permutation(samples) for _ in range(epochs)])
            loss, _, _ = k["minibatch_epochs"](features, labels, orders, weights, batch, rate)
        return weights, loss

    def report(name: str, features: Floats, weights: Floats) -> None:
        confusion = np.zeros((CLASSES, CLASSES), np.int64)
        results[f"{name}_right"] = score(features[held], labels[held], weights, confusion)
        results[f"{name}_confusion"], results[f"{name}_weights"] = confusion, weights

    weights, results["first_loss"] = train(narrow, SAMPLES - 2000, 40, 10, 128, 0.2)
    report("first", narrow, weights)
    rates = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)
    tried = [train(wide, 600, 1, 4, 50, rate)[1] for rate in rates]
    results["tried"] = np.array(tried)
    rate = rates[tried.index(min(tried))]
    fisher = np.zeros((CLASSES, 16))
    natural = np.zeros((CLASSES, 16))
    results["natural_loss"] = k["natural_descent"](wide[:3000], labels[:3000], natural, 0.01, 0.3, 400)
    results["information"] = k["diagonal_fisher"](wide[:3000], natural, fisher)
    report("natural", wide, natural)
    weights, results["second_loss"] = train(wide, SAMPLES - 2000, 110, 10, 100, rate)
    report("second", wide, weights)
    gradient = np.zeros_like(weights)
    for _ in range(300):
        rows = random.integers(0, SAMPLES - 2000, 100)
        k["minibatch_gradient"](wide, labels, rows, weights, gradient)
        k["natural_step"](weights.reshape(-1), gradient.reshape(-1), fisher.reshape(-1), 0.99, 0.01, 0.1)
    report("natural_tail", wide, weights)
    signs = np.where(labels % 2 == 0, 1.0, -1.0)
    twos, anchor, stiffness = np.zeros((3, 16))
    tasks = wide[:4000], signs[:4000], wide[4000:8000], -signs[4000:8000]
    results["kept"] = k["elastic_consolidation"](*tasks, twos, 0.05, 2.0, 0.5, 3000, anchor, stiffness)
    exact, updates = np.zeros(16), np.zeros(2000, np.int64)
    results["exact"], results["newton_steps"] = k["newton_logistic"](wide, signs, exact, 0.01, 1e-10, 20)
    chosen = np.zeros(16)
    results["selective"], _ = k["selective_descent"](wide[:4000], signs[:4000], chosen, 0.01, 0.3, 0.5, 2000, updates)
    distances = np.zeros((500, CLASSES))
    results["margin"] = k["deepfool_targets"](wide[:500], labels[:500], centres, np.ones(CLASSES) + 0.1, 20, distances)
    draws = random.integers(0, 500, (2000, 500))
    least = np.ascontiguousarray(np.sort(distances, axis=1)[:, 1])
    results["error"] = k["bootstrap_error"](np.ones(500), least, draws, np.zeros(2000))
    return {**results, "twos": twos, "exact_weights": exact, "chosen": chosen, "updates": updates}


PROGRAM = WholeProgram(
    name="train_tune_train",
    summary="a classifier trained, evaluated, tuned, retrained wider, adapted and evaluated again",
    length="long",
    stresses="phases: what is hot comes back after a long cold time, with other shapes than it was bet on",
    run=run,
)
