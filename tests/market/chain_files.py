"""Recordings of option chains onto a board, read without the package's own readers: a second, slow opinion.

A recording becomes steps: a receive time and the rows of that time. `play` puts each on the board and
yields the times at which an engine would sweep: the end of every second in which any row arrived.
"""

import csv
import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from holdfast.instrument import Instrument, Instruments
from holdfast.market.board import Board, new_board
from holdfast.market.chain import Chains

SECOND_NS = 1_000_000_000
Step = tuple[int, list[dict[str, str]]]


class Recording:
    """A board that recordings of chains are played onto."""

    def __init__(self) -> None:
        self.instruments = Instruments()
        self.numbers: dict[str, int] = {}
        self.board: Board = new_board(4096)
        self.chains = Chains(self.instruments)

    def play(self, steps: Iterable[Step]) -> Iterator[int]:
        """Put rows on the board and yield each sweep's time; the chains have looked when it is yielded."""
        sweep_ns = 0
        for received_ns, rows in steps:
            due_ns = (received_ns // SECOND_NS + 1) * SECOND_NS
            if sweep_ns and due_ns > sweep_ns:
                self.chains.look(sweep_ns, self.board)
                yield sweep_ns
            sweep_ns = due_ns
            for row in rows:
                put_on_board(self, received_ns, row)
        if sweep_ns:
            self.chains.look(sweep_ns, self.board)
            yield sweep_ns


def put_on_board(recording: Recording, received_ns: int, row: dict[str, str]) -> None:
    """Put one csv row on the board by the venue's rule for withdrawn quotes."""
    is_okx = "local_timestamp" in row
    number = recording.numbers.get(row["symbol" if is_okx else "instrument_name"], -1)
    if number < 0:
        number = recording.instruments.add(okx_option(row) if is_okx else deribit_option(row))
        recording.numbers[recording.instruments[number].symbol] = number
    if number >= len(recording.board):
        recording.board = np.concatenate([recording.board, new_board(len(recording.board))])
    option = recording.board[number]
    option["row_ns"] = received_ns
    carried = not is_okx or any(row[name] for name in ("last_price", "bid_price", "ask_price"))
    for side in ("bid", "ask"):
        if not carried:
            continue
        option[f"has_{side}"] = bool(row[f"{side}_price"])
        option[side] = _number(row[f"{side}_price"])
        option["quote_ns"] = received_ns
    columns = {"mark": "mark_price", "mark_vol": "mark_iv", "index": "underlying_price"}
    if not is_okx:
        columns = {"mark": "mark_price", "mark_vol": "implied_volatility", "index": "index_price"}
        columns["forward"] = "futures_price"
    for name, column in columns.items():
        if row[column]:
            option[name] = _number(row[column])


def okx_option(row: dict[str, str]) -> Instrument:
    """Describe the option of a row of an OKX options_chain file."""
    base, quote = row["underlying_index"].split("-")
    return Instrument(
        venue="okx", symbol=row["symbol"], kind="option", base=base, quote=quote, settle=base, inverse=True,
        expiry_ns=int(row["expiration"]) * 1000, strike=float(row["strike_price"]),
        option_type="call" if row["type"] == "call" else "put", listed=False,
    )  # fmt: skip


def deribit_option(row: dict[str, str]) -> Instrument:
    """Describe the option of a row of a Deribit chain snapshot."""
    return Instrument(
        venue="deribit", symbol=row["instrument_name"], kind="option", base=row["currency"], quote="USD",
        settle=row["currency"], inverse=True, expiry_ns=_time_ns(row["expiry_datetime"]),
        strike=float(row["strike"]), listed=False,
        option_type="call" if row["option_type"] == "call" else "put",
    )  # fmt: skip


def okx_steps(paths: Iterable[Path]) -> Iterator[Step]:
    """Merge OKX options_chain files by the recorder's clock."""
    rows: list[dict[str, str]] = []
    for path in paths:
        with gzip.open(path, "rt") as text:
            rows.extend(csv.DictReader(text))
    rows.sort(key=lambda row: int(row["local_timestamp"]))
    for row in rows:
        yield int(row["local_timestamp"]) * 1000, [row]


def deribit_steps(path: Path) -> Iterator[Step]:
    """Read Deribit snapshots, one step each, from a csv.gz or a tar.xz of csv files."""
    if path.name.endswith(".tar.xz"):
        with tarfile.open(path, "r:xz") as archive:
            for member in archive:
                extracted = archive.extractfile(member)
                if extracted is not None:
                    yield _snapshot(io.TextIOWrapper(extracted))
    else:
        with gzip.open(path, "rt") as text:
            yield _snapshot(text)


def _snapshot(text: Iterable[str]) -> Step:
    rows = list(csv.DictReader(text))
    return _time_ns(rows[0]["timestamp"]), rows


def _time_ns(text: str) -> int:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return int(moment.replace(microsecond=0).timestamp()) * SECOND_NS + moment.microsecond * 1000


def _number(text: str) -> float:
    return float(text) if text else float("nan")
