"""A seeded walk through the outbox's world: one seed is one story, thousands of them a minute."""

import random
from collections.abc import Callable

from outbox_machine import ACTIONS, HEALED_S_MAX, SKEWS_S
from outbox_world import SECOND, World

from holdfast.response.outbox import Outbox

STEPS = 80
WEIGHTS = {
    "want": 8,
    "write_and_send": 22,
    "write": 3,
    "send": 3,
    "deliver": 22,
    "copy": 4,
    "lose": 3,
    "time_out": 8,
    "advance": 18,
    "clock": 2,
    "trouble": 2,
    "crash": 2,
    "take_over": 2,
    "go_on": 3,
}


def storm(seed: int, make_outbox: Callable[[], Outbox] = Outbox) -> World:
    """Walk through one story, heal, and return the world. Raises: AssertionError for what must never be."""
    draw = random.Random(seed)
    world = World(make_outbox)
    world.outcomes = lambda: draw.choice(("fill", "fill", "fill", "part", "none", "refuse"))
    for step in draw.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()), k=STEPS):
        _take(step, world, draw)
        world.check()
    world.heal(HEALED_S_MAX)
    return world


def _take(step: str, world: World, draw: random.Random) -> None:
    at = draw.randrange(len(world.wire)) if world.wire else -1
    match step:
        case "want" if len(world.wanted) < 3:
            world.want(f"run/step/{len(world.wanted)}", draw.choice(ACTIONS)())
        case "write_and_send" | "write" | "send":
            for node in world.live():
                if "write" in step:
                    node.finish_write()
                if "send" in step:
                    node.send()
        case "deliver" if at >= 0:
            world.deliver(at)
        case "copy" if at >= 0 and world.wire[at].answer is not None:
            world.deliver(at, keep=True)
        case "lose" if at >= 0:
            world.lose(at)
        case "time_out" if at >= 0:
            world.time_out(at)
        case "advance":
            world.advance(draw.choice((10, 100, 300, 700, 2100)) * SECOND // 1000)
        case "clock":
            world.clock_error_ns = draw.choice((-400, 0, 400)) * SECOND // 1000
        case "trouble":
            world.journal.trouble = draw.choice(("", "", "full", "lost", "kept"))
        case "crash":
            world.crash(kept=draw.random() < 0.5)
            world.start(draw.choice(SKEWS_S) * SECOND)
        case "take_over":
            world.start(draw.choice(SKEWS_S) * SECOND)
        case "go_on" if world.stopped:
            node = world.stopped.pop()
            node.send()
            node.finish_write()
            node.send()
        case _:
            pass
