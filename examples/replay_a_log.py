"""Put one controller's decision log to another one: where would it have answered differently?

A replay asks the recorded questions in the recorded order and hands over the recorded events. It does not simulate: an
answer that differs changes nothing about what is asked next. So it tells two policies apart question by question, and
a controller replayed against its own log must not differ at all.
"""

import tempfile
from pathlib import Path

import tiering
from tiering import log, metrics, registry

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "threshold.log"
    tiering.simulate(Path(__file__).with_name("two_phases.jsonl"), "threshold", log=file)
    header, records = log.read(file)

print(f"{header.controller}, {header.host}:")
for reason, count in metrics.measure(records).reasons.items():
    print(f"  {count:3} x {reason}")

for name, settings in [("threshold", {}), ("threshold", {"count": 1000}), ("cost_benefit", {})]:
    found = list(log.replay(header, records, registry.controller(name, settings)))
    changed = [one for one in found if one.replayed.action != one.recorded.action]
    print(f"{name} {settings or ''}: {len(found)} answers differ, {len(changed)} of them in what is done")
    for one in changed[:1]:
        print(f"  first: {one.view.unit} at {one.view.now:.4f} s: {one.recorded.action}, now {one.replayed.action}")
