"""An online text classifier whose vocabulary grows by the day, and with it every array that words index.

One meets it in recommenders, in search, in anything that hashes or enumerates what users type. Sixty days: count the
words, learn from the day's documents with two sparse methods, spread the weights over related words, and look up a few.

The gathers and scatters in it gain most from a bet on the largest index, and this is the bet that fails here: the
maximum grows a little every day, so that it holds within a day and never beyond. A policy that renews it with the bound
just seen recompiles sixty times; one that doubles the bound, or gives up, does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import zoo
from ..kernel import bound
from ..program import Decorate, WholeProgram
from ..workload import Floats, Indices

DAYS, DOCUMENTS, WORDS = 60, 300, 20


def related_words(words: int) -> tuple[Indices, Indices, Floats]:
    """A graph of `words` nodes by rows: each keeps half of its weight and takes a quarter of two others."""
    node = np.arange(words)
    columns = np.stack([node // 2, node, (node * 7 + 3) % words], axis=1).reshape(-1)
    return np.arange(words + 1) * 3, columns, np.tile([0.25, 0.5, 0.25], words)


def looked_up(weights: Floats, words: Indices) -> float:
    """The largest of the `weights` of `words`, or zero."""
    best = 0.0
    for i in range(len(words)):
        best = max(best, float(weights[int(words[i])]))
    return best


def run(decorate: Decorate) -> dict[str, Any]:
    """Return the weights by both methods, the counts, and the losses, violations and look-ups by day."""
    names = ("histogram", "adagrad_sparse", "pegasos", "csr_diffusion", "scatter_add", "gather_map")
    k = {name: bound(zoo.kernel(name), decorate) for name in names}
    look_up = decorate(looked_up)
    random = np.random.Generator(np.random.PCG64(25))
    counts, weights, squares = np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    losses, found = np.zeros((2, DAYS))
    violations = np.zeros(DAYS, np.int64)
    sharp = smooth = np.zeros(0)
    for day in range(DAYS):
        vocabulary = 120 + 40 * day + int(random.integers(0, 20))
        more = vocabulary - len(counts)
        if more > 0:
            counts = np.concatenate([counts, np.zeros(more, np.int64)])
            weights, squares = np.concatenate([weights, np.zeros(more)]), np.concatenate([squares, np.zeros(more)])
        words = (vocabulary * random.uniform(0.0, 1.0, DOCUMENTS * WORDS) ** 2).astype(np.int64)
        labels = np.where((words.reshape(DOCUMENTS, WORDS) % 5 == 0).sum(axis=1) > 4, 1.0, -1.0)
        values = np.ones(len(words))
        starts = np.arange(DOCUMENTS + 1) * WORDS
        order = random.integers(0, DOCUMENTS, 2500)
        k["histogram"](counts, words, 3)
        losses[day] = k["adagrad_sparse"](values, words, starts, labels, order, weights, squares, 0.2, 1e-8)
        sharp, missed = np.zeros(len(weights)), np.zeros(DOCUMENTS, np.int64)
        violations[day] = k["pegasos"](values, words, starts, labels, order[:1500], sharp, missed, 0.01)
        k["scatter_add"](sharp, words, values, 2)
        smooth = weights.copy()
        k["csr_diffusion"](*related_words(len(weights)), smooth, np.zeros(len(weights)), 6)
        k["gather_map"](sharp, np.flip(np.arange(len(sharp))).copy(), np.zeros(len(sharp)), 3)
        found[day] = look_up(smooth, words[:200])
    return {
        "weights": weights,
        "sharp": sharp,
        "smooth": smooth,
        "counts": counts,
        "losses": losses,
        "violations": violations,
        "found": found,
    }


PROGRAM = WholeProgram(
    name="growing_vocabulary",
    summary="sparse learning over sixty days, with a vocabulary that grows every day",
    length="medium",
    stresses="index maxima that hold for a day and are exceeded on the next, in every hot loop",
    run=run,
)
