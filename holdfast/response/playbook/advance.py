"""Advance: how each kind of step is entered and left, and one whole turn of a run."""

from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.response.execution import registry
from holdfast.response.execution.working import ASK_NS_MIN
from holdfast.response.playbook.asking import approve, confirmed
from holdfast.response.playbook.checks import needs_consent
from holdfast.response.playbook.playbook import Act, Approve, Call, End, If, Parallel, Step, Until, Wait
from holdfast.response.playbook.pretending import advised, come_to, pass_by
from holdfast.response.playbook.turning import LOOK_NS, Due, Turning
from holdfast.response.playbook.words import words_of

ROUNDS_MAX: Final = 10_000
RECEIPTS_MAX: Final = 500  # of one turn of one run
DOUBT_NS_MAX: Final = 3 * SECOND_NS  # a desk that trades without a pause is never certain


def take(turning: Turning) -> Due:
    """Do everything that a run can do now."""
    draft, due = turning.draft, turning.due
    told = advised(turning)
    looked: set[str] = set()
    while draft.ended is None and len(due.receipts) < RECEIPTS_MAX:
        name = next((name for name in (*draft.active, *draft.waiting) if name not in looked), "")
        if not name:
            break
        before = turning.moves
        step = turning.step(name)
        _leave(turning, step) if name in draft.active else _enter(turning, step)
        if turning.moves == before:
            looked.add(name)  # it waits for the world
        else:
            looked -= {other for other in draft.active if isinstance(turning.step(other), Parallel)}
    if draft.ended is None and draft.is_over() and told:
        turning.finish()
    if len(due.receipts) >= RECEIPTS_MAX:
        due.wake(turning.now_ns)
    return due


def _enter(turning: Turning, step: Step) -> None:
    draft = turning.draft
    if draft.mode in ("observe", "advise"):
        come_to(turning, step)
    elif draft.rounds.get(step.name, 0) >= ROUNDS_MAX:
        turning.end("failed", f"the run came to the step {step.name} {ROUNDS_MAX} times")
    elif isinstance(step, Act):
        if not needs_consent(step.verb) or _may_move(turning, step):
            turning.enter(step, registry.plan(step.verb, draft.scope, turning.view), step.timeout_ns)
    elif isinstance(step, Wait):
        turning.enter(step, lasts_ns=step.for_ns)
    elif isinstance(step, Until):
        turning.enter(step, lasts_ns=step.timeout_ns)
    elif isinstance(step, Call):
        going = turning.runs.running(step.playbook, draft.scope)
        own = f"{step.playbook}-{_under(draft.name)}.{draft.key_step(step.name)}"
        turning.enter(step, {"run": going.name if going else own}, step.timeout_ns)
    else:
        turning.enter(step)


def _may_move(turning: Turning, step: Act) -> bool:
    """Tell whether a move may begin: people agreed where the mode asks them, and nobody else moves here."""
    if not confirmed(turning, step.name, words_of(step.verb)) or not _is_known(turning):
        return False
    other = turning.runs.moving(turning.draft)
    if other:
        turning.due.notices.append(f"{turning.draft.name} waits with {step.name} until {other} has moved")
        turning.due.wake(turning.now_ns + LOOK_NS)
    return not other and _is_certain(turning)


def _is_certain(turning: Turning) -> bool:
    """Tell whether what a move will be planned from can be read in one way only, or was asked for long enough."""
    view, draft = turning.view, turning.draft
    doubtful = [held[:2] for held in view.held(draft.scope) if not view.is_certain(*held)]
    since_ns = draft.last.time_ns if draft.last is not None else draft.started_ns
    if not doubtful or turning.now_ns - since_ns >= DOUBT_NS_MAX:
        return True
    turning.due.ask += [
        account
        for account in dict.fromkeys(doubtful)
        if account not in turning.due.ask and turning.now_ns - view.reconciled_ns(*account) >= ASK_NS_MIN
    ]
    turning.due.wake(turning.now_ns + LOOK_NS // 4)
    return False


def _is_known(turning: Turning) -> bool:
    """Tell whether what is held is known: a node that has just begun would take it for nothing."""
    is_known = turning.view.is_known(turning.draft.scope)
    if not is_known:
        turning.due.wake(turning.now_ns + LOOK_NS)
    return is_known


def _leave(turning: Turning, step: Step) -> None:
    if turning.draft.mode in ("observe", "advise"):
        pass_by(turning, step)
        return
    match step:
        case Act():
            _act(turning, step)
        case Wait():
            if not turning.before_deadline(step):
                turning.leave(step, "done", step.then)
        case Until():
            _until(turning, step)
        case If():
            truth, words = turning.judge(step.condition, step.name)
            turning.leave(step, "done", step.then if truth else step.otherwise, words)
        case Approve():
            approve(turning, step)
        case Parallel():
            _join(turning, step)
        case Call():
            _call(turning, step)
        case End(outcome="failed"):
            turning.fail(step, "failed", "", step.detail)
        case End():
            turning.leave(step, "done", "", step.detail)


def _act(turning: Turning, step: Act) -> None:
    draft, due = turning.draft, turning.due
    entered = draft.active[step.name]
    if needs_consent(step.verb) and turning.now_ns < entered.deadline_ns and not _is_known(turning):
        due.wake(entered.deadline_ns)
        return
    progress = registry.advance(
        turning.now_ns, draft.name, draft.key_step(step.name), step.verb, entered.plan,
        turning.view, turning.outbox,
    )  # fmt: skip
    due.wanted += [one for one in progress.wanted if one not in due.wanted]
    due.ask += [account for account in progress.ask if account not in due.ask]
    ended = progress.ended
    if ended is not None and all(turning.outbox.intended(one.key) for one in progress.wanted):
        due.receipts += progress.permits
        if ended.outcome == "done":
            turning.leave(step, "done", step.then, ended.detail)
        else:
            turning.fail(step, "failed", step.on_failure, ended.detail)
    elif turning.now_ns >= entered.deadline_ns and ended is None:
        turning.fail(step, "timeout", step.on_failure, "not reached in time")
    else:
        permits = [permit for permit in progress.permits if permit not in due.receipts]
        due.receipts += permits
        wakes = (progress.wake_ns, entered.deadline_ns, turning.now_ns + LOOK_NS if ended else 0)
        due.wake(min(time_ns for time_ns in wakes if time_ns))


def _until(turning: Turning, step: Until) -> None:
    truth, words = turning.judge(step.condition, step.name)
    if truth:
        turning.leave(step, "done", step.then, words)
    elif turning.before_deadline(step):
        turning.due.wake(turning.now_ns + LOOK_NS)
    else:
        turning.leave(step, "timeout", step.on_timeout, words)


def _join(turning: Turning, step: Parallel) -> None:
    outcomes = turning.draft.joined.get(step.name, [])
    if len(outcomes) < len(step.branches):
        return
    failed = sum(outcome in ("failed", "timeout", "denied") for outcome in outcomes)
    if failed:
        turning.fail(step, "failed", step.on_failure, f"{failed} of {len(outcomes)} branches failed")
    else:
        turning.leave(step, "done", step.then)


def _call(turning: Turning, step: Call) -> None:
    draft = turning.draft
    child = draft.active[step.name].plan["run"]
    outcome = turning.runs.outcome_of(child)
    playbook = turning.library.get(step.playbook)
    if playbook is None:
        turning.fail(step, "failed", step.on_failure, f"{step.playbook} is not loaded")
    elif outcome == "done":
        turning.leave(step, "done", step.then, child)
    elif outcome:
        turning.fail(step, "failed", step.on_failure, f"{child} {outcome}")
    elif outcome is None:
        if not any(getattr(receipt, "run", "") == child for receipt in turning.due.receipts):
            begun = turning.runs.begin(turning.now_ns, child, playbook, draft.scope, f"playbook {draft.name}")
            turning.due.receipts.append(begun)
    elif not turning.before_deadline(step):
        turning.fail(step, "timeout", step.on_failure, f"{child} goes on")


def _under(run: str) -> str:
    """Return the part of a parent's name that makes its children's names their own.

    >>> _under("venue_evacuation-2")
    '2.venue_evacuation'
    """
    playbook, _, number = run.rpartition("-")
    return f"{number}.{playbook}"
