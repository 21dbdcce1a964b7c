"""A step that reached its target is done when the venue leaves no second reading of the position."""

from holdfast.response.verb import Flatten
from tests.response.desk_double import LINEAR, Desk, Step

HELD = ("binance", "main", "BTCUSDT")


def reached() -> tuple[Desk, Step]:
    desk = Desk(LINEAR)
    desk.quote(LINEAR, 100_000.0, 1e9)
    desk.hold(LINEAR, "1")
    step = Step(desk, Flatten(patience_s=60))
    desk.view.doubtful.add(HELD)
    while desk.real[HELD]:
        step.advance()
        desk.fill_all()
        desk.wait(1)
    return desk, step


def test_a_flat_position_in_doubt_is_asked_for_before_the_step_is_done() -> None:
    desk, step = reached()
    progress = step.advance()
    assert progress.ended is None
    assert progress.ask == [HELD[:2]]
    assert progress.wanted == []
    desk.view.doubtful.clear()
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"


def test_doubt_does_not_outlast_the_steps_patience() -> None:
    desk, step = reached()
    desk.wait(60)
    ended = step.advance().ended
    assert ended is not None
    assert ended.outcome == "done"
