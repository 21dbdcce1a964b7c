"""What is wrong with a guard's config is one clear error with its place and remedy, before anything is connected."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from holdfast.app.cli import main
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.server import WorldServer

EXIT_WRONG_CALL = 2
PORT = 9  # nobody listens there
RULE = """\
title: Deep trouble
id: 0d3c5d3e-6d4e-4a4e-9f0c-0a8f5f1f9d11
status: stable
description: Reads what nobody measures.
author: Holdfast
date: 2025-11-01
tags: [market.stress]
level: high
logsource: {product: holdfast, category: market}
detection:
  condition: scope == "instrument" && spread_bsp > 10.0
response: {action: restrict, level: restrict, cooldown: 5m}
"""

CONNECTED: list[str] = []
_LISTENING = False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _LISTENING and event in ("socket.connect", "socket.getaddrinfo"):
        CONNECTED.append(f"{event} {arguments[1:]}")


sys.addaudithook(_hear)


class Site:
    """A folder with a config that is right, of which a test makes one thing wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = FileSigner("ann", bytes(32))
        self.path = folder / "guard.toml"
        self.secret = folder / "secret.toml"
        self.key = folder / "desk.key"
        for path in (self.secret, self.key):
            path.unlink(missing_ok=True)
        self.secret.touch(mode=0o600)
        self.secret.write_text('key = "k"\nsecret = "s"\n')
        FileSigner.create(self.key, "holdfast/guard")
        self.text = (
            'desk = "guard"\nclient_id_prefix = "hf-"\nreconcile_s = 30.0\njournal = "sqlite"\n'
            f'[key]\npath = "{self.key}"\n[arm]\ncancel_and_pause = "act"\n[limits.desk]\nprice_collar_bps_max = 50.0\n'
            f'[[operators]]\nname = "ann"\nkey = "{self.signer.verifier_key}"\nroles = ["admin"]\n'
            + self.venue()
        )

    def venue(self, name: str = "deribit", extra: str = "dead_man_s = 30.0\n") -> str:
        return (
            f'[[venues]]\nname = "{name}"\naccount = "main"\nsymbols = ["BTC-PERPETUAL"]\ncredentials = "secret.toml"\n'
            f'ws_url = "ws://127.0.0.1:{PORT}"\nrest_url = "http://127.0.0.1:{PORT}"\n{extra}'
        )

    def swap(self, right: str, wrong: str) -> None:
        assert right in self.text
        self.text = self.text.replace(right, wrong)

    def check(self) -> Result:
        self.path.write_text(self.text)
        return CliRunner().invoke(main, ["run", str(self.path), "--check"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all: that the rules and playbooks go together is proved there once."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture
def site(folder: Path) -> Generator[Site]:
    global _LISTENING  # noqa: PLW0603 - an audit hook cannot be taken away again
    CONNECTED.clear()
    _LISTENING = True
    yield Site(folder)
    _LISTENING = False
    assert CONNECTED == []


def test_a_config_that_is_right_passes_and_nothing_is_connected(site: Site) -> None:
    done = site.check()
    assert done.exit_code == 0, done.output
    assert "desk guard on deribit/main; armed: cancel_and_pause (act)" in done.output


WRONG: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "an unknown key": (
        'client_id_prefix = "hf-"', 'client_id_prefx = "hf-"', ("client_id_prefx", "client_id_prefix"),
    ),
    "an unknown key of a venue": ("dead_man_s = 30.0", "dead_man = 30.0", ("venues", "dead_man_s")),
    "an unknown key of the limits": (
        "price_collar_bps_max", "price_collar_max", ("limits", "price_collar_bps_max"),
    ),
    "milliseconds for seconds": (
        "dead_man_s = 30.0", "dead_man_s = 30000.0", ("venues.deribit.dead_man_s", "write seconds"),
    ),
    "milliseconds between reconciliations": (
        "reconcile_s = 30.0", "reconcile_s = 30000.0", ("reconcile_s", "write seconds"),
    ),
    "bytes of tape": (
        "reconcile_s = 30.0", "reconcile_s = 30.0\ntape_gb = 2000000000.0", ("tape_gb", "write billions of bytes"),
    ),
    "a text for a number": (
        "reconcile_s = 30.0", 'reconcile_s = "30s"', ("reconcile_s", "write a number"),
    ),
    "a fraction for basis points": (
        "price_collar_bps_max = 50.0", "price_collar_bps_max = 0.005",
        ("price_collar_bps_max", "write basis points"),
    ),
    "a playbook that does not exist": (
        "cancel_and_pause =", "cancel_and_paus =", ("arm.cancel_and_paus", "cancel_and_pause"),
    ),
    "a mode that does not exist": (
        'cancel_and_pause = "act"', 'cancel_and_pause = "yes"', ("arm", "write one of observe, advise, confirm, act"),
    ),
    "a journal that is none": ('journal = "sqlite"', 'journal = "mysql://db"', ("journal", "write sqlite")),
    "a journal's url without a database": (
        'journal = "sqlite"', 'journal = "postgresql://ann@db"', ("journal.url", "database"),
    ),
    "a venue that nobody speaks to": ('name = "deribit"', 'name = "deribt"', ("venues.deribt", "deribit")),
    "a role that does not exist": ('"admin"', '"boss"', ("operators[0].roles[0]", "risk_officer, admin")),
    "no symbols": ('symbols = ["BTC-PERPETUAL"]', "symbols = []", ("symbols", "name what to watch")),
    "credentials that are not there": (
        'credentials = "secret.toml"', 'credentials = "none.toml"',
        ("venues.deribit.credentials", "none.toml", "chmod 600"),
    ),
    "what is no TOML": ('desk = "guard"', "desk = guard", ("guard.toml",)),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_wrong_thing_is_one_clear_error(site: Site, case: str) -> None:
    right, wrong, words = WRONG[case]
    site.swap(right, wrong)
    said(site.check(), *words)


def said(done: Result, *words: str) -> None:
    """See that a command ended with one line that has these words, and no traceback."""
    assert done.exit_code == EXIT_WRONG_CALL, done.output
    assert isinstance(done.exception, SystemExit)
    for word in words:
        assert word in done.output, done.output


def test_an_operators_key_that_is_none_is_refused(site: Site) -> None:
    site.swap(site.signer.verifier_key, site.signer.verifier_key[:-5])
    said(site.check(), "operators.ann", "holdfast operator new")


def test_two_accounts_that_are_one_are_refused(site: Site) -> None:
    site.text += site.venue()
    said(site.check(), "venues", "twice")


def test_credentials_that_others_may_read_are_refused(site: Site) -> None:
    site.secret.chmod(0o644)
    said(site.check(), "venues.deribit.credentials", "0644", "chmod 600")


def test_credentials_without_a_secret_are_refused_and_the_key_is_not_shown(site: Site) -> None:
    site.secret.write_text('key = "KEYKEYKEY"\n')
    done = site.check()
    said(done, "venues.deribit.credentials", "secret")
    assert "KEYKEYKEY" not in done.output


def test_a_signing_key_that_others_may_read_is_refused(site: Site) -> None:
    site.key.chmod(0o640)
    said(site.check(), "desk.key", "0640", "chmod 600")


def test_a_rule_on_a_missing_field_is_refused_with_its_place_and_the_nearest_field(site: Site) -> None:
    rules = site.folder / "rules"
    rules.mkdir()
    (rules / "deep.yml").write_text(RULE)
    site.swap('journal = "sqlite"', 'journal = "sqlite"\nrules = "rules"')
    said(site.check(), "deep.yml", "spread_bsp", "spread_bps")


def test_a_config_that_is_not_there_is_refused(site: Site) -> None:
    done = CliRunner().invoke(main, ["run", str(site.folder / "none.toml"), "--check"])
    said(done, "none.toml")


# a venue that refuses


class Venues:
    """The world's venues in a thread of their own."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._live(),))
        self._stop = asyncio.Event()
        self._thread.start()
        assert self._up.wait(60)

    async def _live(self) -> None:
        async with WorldServer(1) as server:
            self.world = server.world
            self.said = server.describe()["venues"]
            self._up.set()
            await self._stop.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@pytest.fixture(scope="module")
def venues() -> Generator[Venues]:
    made = Venues()
    yield made
    made.close()


def account_of(site: Site, venues: Venues, venue: str, secret: str = "") -> str:
    """The table of the desk's account at a venue of the world, with its own secret or another."""
    symbol = "BTC-PERPETUAL" if venue == DERIBIT else "BTCUSDT"
    key = next(one for one in venues.said[venue]["credentials"] if one["account"] == "desk")
    path = site.folder / f"{venue}.secret.toml"
    path.touch(mode=0o600)
    path.write_text(f'key = "{key["key"]}"\nsecret = "{secret or key["secret"]}"\n')
    ws, rest = venues.said[venue]["ws"], venues.said[venue]["rest"]
    return (
        f'[[venues]]\nname = "{venue}"\naccount = "desk"\nsymbols = ["{symbol}"]\ncredentials = "{path.name}"\n'
        f'ws_url = "{ws}"\nrest_url = "{rest}"\n'
    )


@pytest.mark.parametrize("venue", [DERIBIT, BINANCE])
def test_a_guard_whose_only_venue_refuses_its_credentials_says_so_and_ends(
    tmp_path: Path, venues: Venues, venue: str
) -> None:
    site = Site(tmp_path)
    site.text = site.text.partition("[[venues]]")[0] + account_of(site, venues, venue, "not-the-secret")
    site.path.write_text(site.text)
    done = CliRunner().invoke(main, ["run", str(site.path)])
    said(done, f"venues.{venue}.credentials", "credentials.refused", "refuses the credentials")
    assert "not-the-secret" not in done.output
    assert venues.world.exchanges[venue].order_history("desk") == []


def test_a_guard_with_one_venue_that_takes_its_credentials_says_what_is_refused_and_goes_on(
    tmp_path: Path, venues: Venues, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    site.text = site.text.partition("[[venues]]")[0] + account_of(site, venues, BINANCE)
    site.text += account_of(site, venues, DERIBIT, "not-the-secret")
    site.path.write_text(site.text)
    told: list[str] = []

    def stop() -> None:
        give_up_s = time.monotonic() + 60.0
        while time.monotonic() < give_up_s and not told:
            told.extend(one.getMessage() for one in caplog.records if one.levelno == logging.CRITICAL)
            time.sleep(0.05)
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    done = CliRunner().invoke(main, ["run", str(site.path)])
    stopper.join()
    assert done.exit_code == 0, done.output
    assert len(told) == 1
    assert "venues.deribit.credentials" in told[0]
    assert "not-the-secret" not in told[0]
