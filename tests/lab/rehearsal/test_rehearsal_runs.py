"""Rehearsals: what a guard saves in a storm and costs in the calm; and the demo's own files."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.__main__ import main
from holdfast.app.assemble import assemble
from holdfast.app.config import load_config
from holdfast.app.permits_file import PERMITS_FILE, read_permit, write_permits
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.event import Alert, AlertCleared, Decided, LevelMoved, RiskMeasured, Scope
from holdfast.lab.rehearsal.config_file import write_config
from holdfast.lab.rehearsal.desk import ARMED
from holdfast.lab.rehearsal.page import render
from holdfast.lab.rehearsal.rehearsal import START_NS, Outcome, Rehearsal
from holdfast.lab.world.listings import VENUES
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import decode
from holdfast.ledger.report import VerifyReport

STORM = 0


@pytest.fixture(scope="module")
def storms() -> tuple[Outcome, Outcome]:
    """Return one storm without the guard and with it."""
    warm_up()
    warm_up_feeds(VENUES)
    without, guarded = (Rehearsal(STORM, guarded=flag, storm=True).run() for flag in (False, True))
    return without, guarded


def test_without_a_guard_the_storm_takes_most_of_the_desk(storms: tuple[Outcome, Outcome]) -> None:
    without, _ = storms
    assert without.loss > 0.5 * without.equity[0]
    assert without.records == []


def test_with_the_guard_it_takes_at_most_a_third_of_that(storms: tuple[Outcome, Outcome]) -> None:
    without, guarded = storms
    assert guarded.equity[0] == without.equity[0]
    assert guarded.loss <= without.loss / 3
    assert guarded.halts > 0


def test_in_the_calm_the_guard_does_nothing_and_costs_nothing() -> None:
    without, guarded = (Rehearsal(3, guarded=flag, storm=False).run() for flag in (False, True))
    assert guarded.halts == 0
    assert guarded.loss == pytest.approx(without.loss, abs=1e-6 * without.equity[0])


def test_one_seed_is_one_rehearsal(storms: tuple[Outcome, Outcome]) -> None:
    again = Rehearsal(STORM, guarded=True, storm=True).run()
    assert again.records == storms[1].records


def test_the_page_names_both_losses_and_every_playbook_that_ran(storms: tuple[Outcome, Outcome]) -> None:
    without, guarded = storms
    page = render(guarded, without, START_NS, VerifyReport(folder="ledger"))
    assert f"{guarded.loss:,.0f} USD" in page
    assert f"{without.loss:,.0f} USD" in page
    assert "crash_exit-1" in page
    assert "<script" not in page


def test_the_demos_config_is_one_that_run_accepts_and_its_secrets_are_its_owners_alone(
    tmp_path: Path,
) -> None:
    said = {
        name: {"ws": "ws://127.0.0.1:1", "rest": "http://127.0.0.1:1", "credentials": [_credential()]}
        for name in VENUES
    }
    path = write_config(tmp_path, said)
    config = load_config(path)
    assert config.arm == ARMED
    assert {client.venue for client in assemble(config).clients} == set(VENUES)
    for venue in VENUES:
        assert stat.S_IMODE((tmp_path / f"{venue}.secret.toml").stat().st_mode) == 0o600
    checked = CliRunner().invoke(main, ["run", str(path), "--check"])
    assert checked.exit_code == 0, checked.output


def test_a_strategy_reads_the_tightest_permit_around_it(tmp_path: Path) -> None:
    assert read_permit(tmp_path, "deribit", "BTC-PERPETUAL") == "open"
    write_permits(tmp_path, {Scope("deribit"): "reduce_only", Scope("deribit", "BTC-PERPETUAL"): "paused"})
    assert read_permit(tmp_path, "deribit", "BTC-PERPETUAL") == "paused"
    assert read_permit(tmp_path, "deribit", "ETH-PERPETUAL") == "reduce_only"
    assert read_permit(tmp_path, "binance-usdm", "BTCUSDT") == "open"


def test_a_permits_file_that_cannot_be_read_allows_nothing(tmp_path: Path) -> None:
    (tmp_path / PERMITS_FILE).write_text("{")
    assert read_permit(tmp_path, "deribit", "BTC-PERPETUAL") == "halted"


@pytest.mark.long
def test_the_demo_on_sockets_saves_the_desk_and_proves_it(tmp_path: Path) -> None:
    shown = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "demo")])
    assert shown.exit_code == 0, shown.output
    assert "PROVEN" in shown.output
    assert (tmp_path / "demo" / "report.html").read_text().count("<table") >= 2
    tape, ledger, again = (tmp_path / "demo" / name for name in ("state/tape", "state/ledger", "again"))
    shown = CliRunner().invoke(
        main, ["replay", str(tape), "--measured-from", str(ledger), "--out", str(again)]
    )
    assert shown.exit_code == 0, shown.output
    said = what_was_said(ledger)
    assert len(said) > 50
    assert what_was_said(again / "ledger")[: len(said)] == said


def what_was_said(ledger: Path) -> list[object]:
    """What the fold said of the market and the desk."""
    records = (decode(entry) for entry in LedgerReader(ledger).entries())
    return [
        one for one in records if isinstance(one, Alert | AlertCleared | Decided | LevelMoved | RiskMeasured)
    ]


def _credential() -> dict[str, object]:
    return {"account": "desk", "key": "k" * 16, "secret": "s" * 48, "number": 1}
