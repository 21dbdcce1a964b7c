"""The command `holdfast risk`: a portfolio's risk on one screen, one account's margin, the surfaces of one snapshot.

`holdfast risk PORTFOLIO` is short for `holdfast risk portfolio PORTFOLIO`.
"""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from holdfast.app.guarded import guarded

_PATHS: Final = click.Path(exists=True, path_type=Path)
_PLAIN: Final = click.Path(path_type=Path)
DEFAULT: Final = "portfolio"


class _DefaultGroup(click.Group):
    """A group whose first word may be a portfolio instead of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before what is no command and no call for help."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_DefaultGroup)
def risk() -> None:
    """Price what a desk holds: PORTFOLIO, or one of the commands below."""


@risk.command(DEFAULT)
@click.argument("portfolio", type=_PATHS)
@click.option(
    "--market",
    multiple=True,
    type=_PATHS,
    help="Recordings, or a JSON of prices; may be given several times.",
)
@click.option(
    "--out",
    type=_PLAIN,
    default=Path("out/risk"),
    show_default=True,
    help="Folder for report.html and risk.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON instead of tables.")
def portfolio_command(portfolio: Path, market: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Value, greeks, margin, VaR, scenarios, liquidity and credit of a portfolio file."""

    def run() -> int:
        from holdfast.app.risk.desk import assess_files  # noqa: PLC0415 - kernels load only when asked for
        from holdfast.app.risk.page import write_page  # noqa: PLC0415
        from holdfast.app.risk.screen import screen  # noqa: PLC0415

        answer = assess_files(portfolio, market)
        out.mkdir(parents=True, exist_ok=True)
        (out / "risk.json").write_bytes(_json(answer.summary()))
        write_page(out / "report.html", answer)
        if as_json:
            click.echo(_json(answer.summary()).decode(), nl=False)
        else:
            screen(answer, out / "report.html")
        return 0

    sys.exit(guarded(run))


@risk.command("margin")
@click.option(
    "--model", required=True, help="Name of the margin model: derive-pmrm2, deribit-pm, binance-usdm ..."
)
@click.argument("case", type=_PLAIN)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (im, mm, scenarios) instead of a table.")
def margin_command(model: str, case: Path, as_json: bool) -> None:
    """What one account must post, by a venue's own rules. CASE is a JSON file."""

    def run() -> int:
        from holdfast.app.risk.general_case import general_case  # noqa: PLC0415
        from holdfast.app.risk.margin_case import margin_case  # noqa: PLC0415

        measured = margin_case(model, case, general_case)
        if as_json:
            click.echo(_json(measured).decode(), nl=False)
            return 0
        for name, value in measured.items():
            if isinstance(value, int | float):
                click.echo(f"{name:24} {value:>20,.2f}")
            elif isinstance(value, str) and value:
                click.echo(f"{name:24} {value:>20}")
        return 0

    sys.exit(guarded(run))


@risk.command("surface")
@click.argument("snapshot", type=_PLAIN)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def surface_command(snapshot: Path, as_json: bool) -> None:
    """The volatility surfaces of one Deribit chain SNAPSHOT (ARCHIVE!MEMBER for one inside an archive)."""

    def run() -> int:
        from holdfast.app.risk.surface_file import surface_report  # noqa: PLC0415

        report = surface_report(snapshot)
        if as_json:
            click.echo(_json(report).decode(), nl=False)
            return 0
        from holdfast.app.risk.screen import surface_screen  # noqa: PLC0415

        surface_screen(report)
        return 0

    sys.exit(guarded(run))


def _json(value: Any) -> bytes:
    """Return indented JSON; what is no finite number is null."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
