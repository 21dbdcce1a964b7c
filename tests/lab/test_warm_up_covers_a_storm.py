"""After the warm-up a storm compiles and loads nothing: the first fall of a price must not wait for a kernel."""

import subprocess
import sys
from pathlib import Path

FOLD = """
import sys
from pathlib import Path

from numba.core.registry import CPUDispatcher

from holdfast.app.recording import Recording
from holdfast.app.rule_files import load_rules
from holdfast.app.timeline import Timeline
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.engine import State
from holdfast.event import Alert
from holdfast.instrument import Instruments
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.venues.registry import FEEDS


def loaded():
    modules = [module for name, module in sys.modules.items() if name.startswith("holdfast.")]
    kernels = {one for module in modules for one in vars(module).values() if isinstance(one, CPUDispatcher)}
    return {(f"{one.__module__}.{one.__name__}", tuple(one.signatures)) for one in kernels}


instruments = Instruments()
recording = Recording([Path(path) for path in sys.argv[2:]], instruments)
state = State(instruments, Desk(load_rules(None), Escalation()), Timeline())
if sys.argv[1] == "warm":
    warm_up()
    warm_up_feeds(FEEDS)
known = loaded()
events = [event for rows in recording.batches() for event in state.step(rows)]
assert any(isinstance(event, Alert) and event.detector == "price_shock" for event in events)
print(*sorted(name for name, _ in loaded() - known if ".recording." not in name))
"""


def kernels_loaded_in(storm: list[Path], how: str) -> set[str]:
    command = [sys.executable, "-c", FOLD, how, *map(str, storm)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stdout.split())


def test_a_storm_after_the_warm_up_loads_no_kernel(storm: list[Path]) -> None:
    assert kernels_loaded_in(storm, "warm") == set()


def test_without_it_the_first_fall_of_a_price_loads_one(storm: list[Path]) -> None:
    assert "holdfast.market.features.refresh_move" in kernels_loaded_in(storm, "cold")
