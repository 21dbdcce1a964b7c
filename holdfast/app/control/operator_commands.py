"""The commands around operators: their keys, what the policies let them do, and whether the journal says it truly."""

import os
import sys
from pathlib import Path
from typing import Final

import click
import msgspec

from holdfast.app.guarded import guarded

EXIT_UNBACKED: Final = 1

_PATH: Final = click.Path(path_type=Path)


@click.group()
def operator() -> None:
    """Keys of the people who may speak to a desk, and what its policies let them do."""


@operator.command("new")
@click.argument("name")
@click.option("--key", type=_PATH, help="The file to make; default: in your own data folder.")
@click.option("--role", "roles", multiple=True, default=("trader",), help="A role to have; may be repeated.")
def new(name: str, key: Path | None, roles: tuple[str, ...]) -> None:
    """Make a key for the operator NAME, and print the lines for the desk's config."""
    from holdfast.app.control.operator import config_lines, new_operator, require_roles  # noqa: PLC0415

    def work() -> int:
        require_roles(roles)
        path = key or _own_folder() / f"{name}.key"
        signer = new_operator(path, name)
        click.echo(config_lines(signer, roles))
        click.echo(f"the key is in {path}: keep it to yourself, and set HOLDFAST_KEY to its place", err=True)
        return 0

    sys.exit(guarded(work))


@operator.command("policies")
@click.option(
    "--policies", type=_PATH, help="A file of Cedar policies; default: the ones that come with Holdfast."
)
def policies(policies: Path | None) -> None:
    """Check a file of policies and print who may do what under it."""
    from holdfast.app.control.authority import Authority  # noqa: PLC0415
    from holdfast.app.control.may import may_table  # noqa: PLC0415

    def work() -> int:
        click.echo(may_table(Authority.load(policies)))
        return 0

    sys.exit(guarded(work))


@operator.command("audit")
@click.argument("own_config", metavar="[CONFIG]", required=False, type=_PATH)
@click.option(
    "--config", type=_PATH, envvar="HOLDFAST_CONFIG", default="holdfast.toml", help="Or $HOLDFAST_CONFIG."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def audit(own_config: Path | None, config: Path, as_json: bool) -> None:
    """Verify that every vote, armed mode and command in the journal was signed by who is said to have given it."""
    from holdfast.app.control.audit import audit_commands  # noqa: PLC0415
    from holdfast.app.control.desk_files import read_control, read_receipts  # noqa: PLC0415

    def work() -> int:
        known = read_control(own_config or config)
        found = audit_commands(read_receipts(known), known.desk, known.operators)
        lines = [
            *found.findings,
            f"{found.verified} commands verified, {found.refused} were refused when given",
        ]
        click.echo(msgspec.json.encode(found) if as_json else "\n".join(lines))
        return EXIT_UNBACKED if found.findings else 0

    sys.exit(guarded(work))


def _own_folder() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "holdfast" / "operators"
