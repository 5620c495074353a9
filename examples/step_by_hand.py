"""Be the controller: the simulation stands still at every question until it is answered.

`f` takes 2 s interpreted and half a second compiled; compiling takes 5 s. It is called six times. Asking for the
compile at once is right here: the code is ready when the third call is half done, and the calls from the fourth on
take half a second each.
"""

from tiering import compile, stay
from tiering.profile import Profile, TierCosts
from tiering.sim import Simulation
from tiering.trace import Call, Group, Program, Unit

MACHINE = Profile((TierCosts("interpreter", 1.0), TierCosts("compiled", 4.0, compile_seconds=5.0)))
PROGRAM = Program("six calls", (Unit("f", 30, {"interpreter": 2.0}),), (Group((Call(0),), 6),))


class Somebody:
    """The simulation wants a controller even if somebody else answers: it lists the reasons."""

    reasons = ("I say so",)

    def start(self, setup):
        """Nothing to learn."""

    def decide(self, view):
        """Never called here."""
        raise NotImplementedError

    def record(self, event):
        """Events still arrive here."""
        print(f"        {event.now:4.1f} s  {type(event).__name__} to tier {event.tier}, took {event.took:.1f} s")


simulation = Simulation(PROGRAM, MACHINE, Somebody())
while (view := simulation.advance()) is not None:
    answer = compile(1, "I say so") if view.tier == 0 and view.pending is None else stay("I say so", budget=2)
    print(f"{view.why:8}{view.now:4.1f} s  tier {view.tier}, {view.invocations} calls: {answer.action}")
    simulation.answer(answer)

result = simulation.result()
print(
    f"total {result.total_seconds} s, of it {result.tier_seconds[0]} interpreted and {result.tier_seconds[1]} compiled"
)
