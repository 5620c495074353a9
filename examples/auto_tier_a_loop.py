"""Auto-tier a real optimizer loop: CPython runs it at once, Numba compiles it elsewhere, the code is swapped in.

`interpret="always"` is a promise by the author: CPython and compiled code agree on this function. It holds here,
since every element is read as a Python float and the loop only multiplies and subtracts. Times and counts differ from
run to run, so only what must be true is printed.
"""

import time

import numpy as np

import tiering


def descend(position, steepness, rate):
    """One step of gradient descent on a bowl; the loss before it."""
    loss = 0.0
    for i in range(len(position)):
        slope = float(steepness[i]) * float(position[i])
        loss += 0.5 * slope * float(position[i])
        position[i] = float(position[i]) - rate * slope
    return loss


def optimize(step, enough):
    """Run `step` from the same start until `enough`; the losses."""
    position, steepness = np.ones(500), np.linspace(0.1, 1.0, 500)
    losses = []
    while not enough(len(losses)):
        losses.append(step(position, steepness, 1e-3))
    return losses


tiered = tiering.jit(interpret="always", controller="cost_benefit")(descend)
print("before:", tiered.tiering)
deadline = time.monotonic() + 60
losses = optimize(tiered, lambda steps: tiered.signatures or time.monotonic() > deadline)
losses += optimize(tiered, lambda steps: steps == 200)

(unit,) = tiered.tiering.units
print("after:", unit.tier, unit.where, "under", unit.controller)
print("CPython ran the first calls:", unit.calls > 0)
print("why it was compiled:", [reason for reason in tiered.tiering.reasons if reason == "pays for itself"])
print("compiled results are CPython's, to the bit:", losses[-200:] == optimize(descend, lambda steps: steps == 200))
tiering.shutdown()
