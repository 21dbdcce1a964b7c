"""`holdfast playbook`: the playbooks of a desk, one of them as YAML, and their way to other executors and back (CACAO).

Exit codes: 0 as asked; 2 a name or a file is wrong.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from holdfast.app.guarded import guarded
from holdfast.error import CallerError

_OWN: Final = click.option(
    "--playbooks",
    "own",
    type=click.Path(exists=True, path_type=Path),
    help="The desk's own, a file or folder; those that come with Holdfast are beside them.",
)


@click.group()
def playbook() -> None:
    """What the desk does when something happens: list, show, and carry to other executors and back."""


@playbook.command(name="list")
@_OWN
def list_(own: Path | None) -> None:
    """List the playbooks: name, version, and what sets each off."""

    def work() -> str:
        from holdfast.app.playbook_files import load_playbooks  # noqa: PLC0415 - loaded when it is needed
        from holdfast.app.playbook_words import list_text  # noqa: PLC0415

        return list_text(load_playbooks(own), {})

    _say(work)


@playbook.command()
@click.argument("name")
@_OWN
@click.option("--yaml", "as_yaml", is_flag=True, help="As the YAML that it can be read back from.")
def show(name: str, own: Path | None, as_yaml: bool) -> None:
    """Show one playbook: what it is for, what sets it off, its steps and where each leads."""

    def work() -> str:
        from holdfast.app.playbook_files import load_playbooks  # noqa: PLC0415
        from holdfast.app.playbook_words import show_text  # noqa: PLC0415
        from holdfast.response.playbook.library import only  # noqa: PLC0415
        from holdfast.response.playbook.writer import yaml_of  # noqa: PLC0415

        library = load_playbooks(own)
        found = only(library.get(name), name, library.playbooks)
        return yaml_of(found).rstrip() if as_yaml else show_text(found)

    _say(work)


@playbook.command()
@click.argument("name")
@_OWN
def export(name: str, own: Path | None) -> None:
    """Write one playbook as CACAO 2.0 JSON to standard output."""

    def work() -> str:
        from holdfast.app.cacao.exporting import cacao_text  # noqa: PLC0415
        from holdfast.app.playbook_files import load_playbooks  # noqa: PLC0415
        from holdfast.response.playbook.library import only  # noqa: PLC0415

        library = load_playbooks(own)
        return cacao_text(only(library.get(name), name, library.playbooks), time.time_ns()).rstrip()

    _say(work)


@playbook.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
def import_(file: Path) -> None:
    """Read a CACAO 2.0 playbook and write it as YAML to standard output; what people must do by hand is told beside."""

    def work() -> str:
        from holdfast.app.cacao.importing import from_cacao  # noqa: PLC0415
        from holdfast.detectors.names import ALERT_NAMES  # noqa: PLC0415
        from holdfast.response.playbook.checks import Vocabulary  # noqa: PLC0415
        from holdfast.response.playbook.writer import yaml_of  # noqa: PLC0415

        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CallerError("cacao.unreadable", str(error), where=str(file)) from error
        imported = from_cacao(str(file), text, Vocabulary(detectors=ALERT_NAMES))
        for note in imported.notes:
            click.echo(note, err=True)
        return yaml_of(imported.playbook).rstrip()

    _say(work)


def _say(work: Callable[[], str]) -> None:
    def told() -> int:
        click.echo(work())
        return 0

    sys.exit(guarded(told))
