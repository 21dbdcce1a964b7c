"""The commands of control: what a person types to see the desk, to answer it, and to stop it.

Exit codes: 0 done, or shown; 1 refused by the desk, or no way to it; 2 the call is wrong (a key, a name, a config);
4 no node answered: the command lies in the inbox and is read when one starts.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from holdfast.app.control.operator_commands import operator
from holdfast.app.guarded import guarded
from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.keys.file_signer import FileSigner

EXIT_REFUSED: Final = 1
EXIT_LEFT: Final = 4

_PATH: Final = click.Path(path_type=Path)
_CONFIG: Final = click.option(
    "--config", type=_PATH, envvar="HOLDFAST_CONFIG", default="holdfast.toml", help="Or $HOLDFAST_CONFIG."
)
_KEY: Final = click.option(
    "--key", type=_PATH, envvar="HOLDFAST_KEY", help="Your key file; or $HOLDFAST_KEY."
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
_COMMENT: Final = click.option("--comment", default="", help="Why. It stands in the ledger.")
_SCOPE: Final = click.argument("scope", default="desk")
_ID: Final = click.argument("id", metavar="ID")
_PLAYBOOK: Final = click.argument("playbook")
_MODE: Final = click.option(
    "--mode",
    type=click.Choice(["observe", "advise", "confirm", "act"]),
    required=True,
    help="What it may do.",
)
_OWN_CONFIG: Final = click.argument("own_config", metavar="[CONFIG]", required=False, type=_PATH)


@click.command()
@_OWN_CONFIG
@_CONFIG
@_KEY
@_JSON
def status(own_config: Path | None, config: Path, key: Path | None, as_json: bool) -> None:
    """Show the desk on one screen: what waits for a person, what is held, what goes on, how it is."""
    from holdfast.app.control.screen import status_lines  # noqa: PLC0415 - what a command needs is loaded by it

    def work() -> int:
        sight, _ = _look(own_config or config, key, "status")
        return _print(status_lines(sight), sight, as_json)

    sys.exit(guarded(work))


@click.command()
@_OWN_CONFIG
@_CONFIG
@_KEY
@_JSON
def incidents(own_config: Path | None, config: Path, key: Path | None, as_json: bool) -> None:
    """List the runs of playbooks: those that go on, and the last ones that ended."""
    from holdfast.app.control.screen import incident_lines  # noqa: PLC0415

    def work() -> int:
        sight, _ = _look(own_config or config, key, "incidents")
        return _print(incident_lines(sight), list(sight.picture.runs.values()), as_json)

    sys.exit(guarded(work))


@click.command()
@click.argument("run_id", metavar="ID")
@_CONFIG
@_KEY
@_JSON
def show(run_id: str, config: Path, key: Path | None, as_json: bool) -> None:
    """Show one run: what is at stake and until when, what was done, what comes next, what would be sent."""
    from holdfast.app.control.command import Refusal  # noqa: PLC0415
    from holdfast.app.control.run_screen import run_lines  # noqa: PLC0415
    from holdfast.app.control.targets import run_named  # noqa: PLC0415

    def work() -> int:
        sight, answer = _look(config, key, "show", run_id)
        run = run_named(run_id, sight.picture)
        if isinstance(run, Refusal):
            raise CallerError(run.code, run.reason, remedy=run.remedy)
        approvals = [
            sight.picture.approvals[name] for name in run.approvals if name in sight.picture.approvals
        ]
        whole = {
            "run": run,
            "approvals": approvals,
            "next_steps": answer.next_steps,
            "would_send": answer.would_send,
        }
        return _print(run_lines(run, sight, answer.next_steps, answer.would_send), whole, as_json)

    sys.exit(guarded(work))


def _telling(name: str, about: str, *parameters: Callable[[Any], Any]) -> click.Command:
    """Return a command that tells the desk something, with what its parameters and a comment give as arguments."""

    def tell(config: Path, key: Path | None, as_json: bool, **arguments: str) -> None:
        sys.exit(_tell(config, key, as_json, name, **arguments))

    for parameter in reversed((*parameters, _COMMENT, _CONFIG, _KEY, _JSON)):
        tell = parameter(tell)
    return click.command(name, help=about)(tell)


CONTROL_COMMANDS: Final[tuple[click.Command, ...]] = (
    status,
    incidents,
    show,
    _telling("approve", "Say yes to what a run asks. ID is the run's or the question's.", _ID),
    _telling("deny", "Say no to what a run asks. ID is the run's or the question's.", _ID),
    _telling(
        "halt",
        "Stop the strategies and cancel every order, in SCOPE (venue or venue:symbol) or on the whole desk.",
        _SCOPE,
    ),
    _telling("pause", "Let the strategies begin nothing new in SCOPE or on the whole desk.", _SCOPE),
    _telling(
        "resume",
        "Let the strategies go on in a SCOPE that was halted, paused or left to reduce only.",
        _SCOPE,
    ),
    _telling(
        "release",
        "Leave a level that needs a person, one level down, when nothing demands it any more.",
        _SCOPE,
    ),
    _telling(
        "start",
        "Set off a playbook that a person may set off, in the mode in which it is armed.",
        _PLAYBOOK,
        _SCOPE,
    ),
    _telling("stop", "End one run of a playbook where it stands. What it braked stays braked.", _ID),
    _telling(
        "arm",
        "Say what a playbook may do: be recorded only, tell people, ask them first, or do it.",
        _PLAYBOOK,
        _MODE,
    ),
    _telling(
        "disarm",
        "Let a playbook observe only. Runs that go on keep the mode in which they began.",
        _PLAYBOOK,
    ),
    operator,
)
"""What `holdfast` takes up from here."""


def _look(config: Path, key: Path | None, command: str, run: str = "") -> Any:
    from holdfast.app.control.desk_files import read_control  # noqa: PLC0415
    from holdfast.app.control.speak import look  # noqa: PLC0415

    return look(read_control(config), FileSigner.load(key) if key else None, command, run)


def _tell(config: Path, key: Path | None, as_json: bool, command: str, **arguments: str) -> int:
    from holdfast.app.control.command import BRAKES  # noqa: PLC0415
    from holdfast.app.control.desk_files import read_control, read_place  # noqa: PLC0415
    from holdfast.app.control.speak import tell_desk  # noqa: PLC0415

    def work() -> int:
        if key is None:
            raise CallerError(
                "key.none",
                f"{command} must be signed, and no key was given",
                remedy="give --key or set HOLDFAST_KEY; `holdfast operator new` makes one",
            )
        read = read_place if command in BRAKES else read_control
        outcome = tell_desk(read(config), FileSigner.load(key), command, arguments)
        if as_json:
            click.echo(msgspec.json.encode(outcome))
        else:
            click.echo(_words(outcome, command), err=outcome.outcome != "done")
        return {"done": 0, "left": EXIT_LEFT}.get(outcome.outcome, EXIT_REFUSED)

    return guarded(work)


def _words(outcome: Any, command: str) -> str:
    from holdfast.app.control.command import AGE_NS_MAX, BRAKES  # noqa: PLC0415

    match outcome.outcome:
        case "done":
            return f"{command}: done{f'; {outcome.said}' if outcome.said else ''}"
        case "refused":
            return f"{command}: REFUSED, {outcome.refusal}"
        case "lost":
            return f"{command}: NOT DONE. No node answered, and {outcome.said}. Stop the desk at the venue itself."
        case _:
            then = (
                "A node obeys it whenever it starts or goes on, and until then nobody does: stop the desk at the "
                "venue too."
                if command in BRAKES
                else f"A node that starts or goes on within {AGE_NS_MAX // SECOND_NS} s does it; a later one refuses "
                "it as stale."
            )
            if outcome.refusal is not None:
                return (
                    f"{command}: left in {outcome.file}, and the node takes it from there; "
                    f"on the socket it was refused: {outcome.refusal}"
                )
            return f"{command}: NO NODE ANSWERED. The command lies in {outcome.file}. {then}"


def _print(lines: list[str], whole: object, as_json: bool) -> int:
    click.echo(msgspec.json.encode(whole) if as_json else "\n".join(lines))
    return 0
