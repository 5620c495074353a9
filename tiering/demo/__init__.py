"""The main job on real input: six optimizer loops, auto-tiered live, and the same predicted by the simulator.

Every measurement is a fresh process, timed from the first call of a kernel to the end of the loop, so warm-up is in
it and imports are not. First come CPython, njit and a calibration of compile costs; they make the machine profile.
Then the tiered runs, with that profile as the controllers' priors; then the simulator predicts all of them from the
profile and adds what no run can show, a clairvoyant oracle and a lower bound. CPython's and njit's own speeds are
in the profile, so their two predictions are partly fits; those of the tiered rows are not.
"""

from tiering.demo.study import Study, run, steps
from tiering.demo.table import show

__all__ = ["Study", "run", "show", "steps"]
