"""Surface file: a Deribit chain snapshot on disk (csv, compressed or a member of an archive) to surfaces and a report.

Rules:

1. The lines are read as recordings read them; one that cannot be read is quarantined with its place and the rest goes on.
2. Each asset (BTC, ETH) gets its own chain: coin-settled options, priced against the forward shown in each line.
3. A path may name a member of an archive: `snapshots.tar.xz!deribit_options_snapshot_20260205T212937Z.csv`.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
import numpy as np

from holdfast.app.recording.archives import open_paths
from holdfast.app.recording.chunk import quarantine
from holdfast.app.recording.csv_lines import Block, Lines
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Head
from holdfast.app.recording.formats.deribit_chain import DeribitChain
from holdfast.app.recording.streams import Piece
from holdfast.clock import format_time_ns, parse_time_ns
from holdfast.error import CallerError, OutsideError
from holdfast.event import Quarantined
from holdfast.risk.surface.base import RHO, A, B, M, S
from holdfast.risk.surface.chain import ChainFit, ExpiryFit, FitQuality, fit_surface
from holdfast.risk.surface.quotes import STATES, USED, Chain
from holdfast.risk.surface.smile import smile_measures

HEAD_BYTES: Final = 65_536
BLOCK_BYTES: Final = 16_777_216  # a snapshot is a third of a megabyte
MEMBER: Final = "!"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One snapshot: a chain of each asset with, line by line, its names and the venue's own view of it.

    Shape: `venue` holds (n,) arrays a chain: mark, volatility, delta, vega.
    """

    name: str
    time_ns: int
    chains: dict[str, Chain]
    names: dict[str, tuple[str, ...]]
    venue: dict[str, dict[str, np.ndarray]]
    quarantined: tuple[Quarantined, ...]


def surface_report(path: Path) -> dict[str, Any]:
    """Return what `holdfast risk surface SNAPSHOT --json` prints.

    Raises: CallerError `path.missing`, `snapshot.several` (an archive without a member's name), `snapshot.unknown`.
    """
    snapshot = read_snapshot(path)
    return {
        "snapshot": snapshot.name,
        "time": format_time_ns(snapshot.time_ns),
        "venue": "deribit",
        "units": {
            "svi": "total variance, raw a b rho m s in log(strike / forward)",
            "volatility": "fractions a year",
            "years": "of 365 days",
            "error_spreads": "half bid-ask spreads, quotes out of the money",
        },
        "quarantined": [msgspec.to_builtins(one) for one in snapshot.quarantined],
        "assets": {asset: _asset(chain, fit_surface(chain)) for asset, chain in snapshot.chains.items()},
    }


def read_snapshot(path: Path) -> Snapshot:
    """Read one snapshot; `path!member` names one of an archive.

    Raises: CallerError as `surface_report`.
    """
    name, _, member = str(path).partition(MEMBER)
    found = [one for one in snapshots(Path(name)) if not member or one.name.endswith(MEMBER + member)]
    if not found:
        raise CallerError("snapshot.unknown", "no Deribit chain snapshot is there", where=str(path))
    if len(found) > 1:
        members = found[0].name.partition(MEMBER)[2]
        raise CallerError(
            "snapshot.several", f"{len(found)} snapshots are there", where=str(path),
            remedy=f"name one: {name}{MEMBER}{members}",
        )  # fmt: skip
    return found[0]


def snapshots(path: Path) -> Iterator[Snapshot]:
    """Yield every Deribit chain snapshot behind a path, in the archive's order; other files are passed over.

    Raises: CallerError `path.missing`.
    """
    with TemporaryDirectory(prefix="holdfast-") as scratch:
        for piece in open_paths([path], Path(scratch)).pieces:
            stream = piece.open()
            try:
                head = Head(stream.peek(HEAD_BYTES), piece.hints, piece.path)
                if DeribitChain.recognises(head):
                    yield _read(piece, head, Lines(stream, BLOCK_BYTES))
            finally:
                stream.close()


def _read(piece: Piece, head: Head, lines: Lines) -> Snapshot:
    tables = [Table(_body(block, head), head.columns) for block in lines.blocks()]
    parts = [_columns(table) for table in tables]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    bad = [
        quarantine(piece.name, int(table.numbers[at]), error, table.line(at).rstrip(b"\r"))
        for table in tables
        for at, error in sorted(table.failures.items())
    ]
    if lines.torn:
        error = OutsideError("line.truncated", "the archive breaks inside this line")
        bad.append(quarantine(piece.name, lines.number + 1, error, lines.torn))
    assets = [str(name) for name in np.unique(columns["asset"])]
    if not assets:
        raise CallerError("snapshot.empty", "no line of it can be read", where=piece.name)
    time_ns = int(columns["time_ns"].max())
    chains: dict[str, Chain] = {}
    names: dict[str, tuple[str, ...]] = {}
    venue: dict[str, dict[str, np.ndarray]] = {}
    for asset in assets:
        of = columns["asset"] == asset
        part = {name: values[of] for name, values in columns.items()}
        chains[asset] = Chain(
            asset=asset,
            time_ns=time_ns,
            spot=float(np.median(part["index"])),
            inverse=True,
            expiry_ns=part["expiry_ns"],
            strike=part["strike"],
            is_call=part["is_call"],
            bid=part["bid"],
            ask=part["ask"],
            forward=part["forward"],
        )
        names[asset] = tuple(part["name"].tolist())
        venue[asset] = {name: part[name] for name in ("mark", "volatility", "delta", "vega")}
    return Snapshot(
        name=piece.name, time_ns=time_ns, chains=chains, names=names, venue=venue, quarantined=tuple(bad)
    )


def _body(block: Block, head: Head) -> Block:
    return block.without(head.first_line)


def _columns(table: Table) -> dict[str, np.ndarray]:
    """Return the columns of the lines that can be read."""
    columns: dict[str, np.ndarray] = {
        "time_ns": table.moments("timestamp"),
        "name": np.array(table.texts(("instrument_name",), _text, ""), dtype=np.str_),
        "asset": np.array(table.texts(("instrument_name",), _asset_name, ""), dtype=np.str_),
        "is_call": np.array(table.texts(("option_type",), _is_call, False), dtype=np.bool_),
        "expiry_ns": np.array(table.texts(("expiry_datetime",), _moment, 0), dtype=np.int64),
        "strike": table.floats("strike", optional=False),
    }
    for name, column in (
        ("bid", "bid_price"), ("ask", "ask_price"), ("forward", "futures_price"), ("mark", "mark_price"),
        ("volatility", "implied_volatility"), ("delta", "delta"), ("vega", "vega"),
    ):  # fmt: skip
        columns[name] = table.floats(column)
    columns["index"] = table.floats("index_price", optional=False)
    return {name: values[~table.failed] for name, values in columns.items()}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _asset_name(raw: bytes) -> str:
    name, dash, _ = _text(raw).partition("-")
    if not (dash and name.isalnum()):
        raise OutsideError("field.unknown", f"not an option of Deribit: {_text(raw)[:40]!r}")
    return name


def _is_call(raw: bytes) -> bool:
    known = {b"call": True, b"C": True, b"put": False, b"P": False}
    if raw not in known:
        raise OutsideError("field.unknown", f"not an option type: {_text(raw)[:40]!r}")
    return known[raw]


def _moment(raw: bytes) -> int:
    return parse_time_ns(_text(raw))


def _asset(chain: Chain, fit: ChainFit) -> dict[str, Any]:
    return {
        "spot": chain.spot,
        "quotes": len(fit.states),
        "flags": list(fit.surface.flags),
        "fit": _quality(fit.quality),
        "missing": [msgspec.to_builtins(one) for one in fit.missing],
        "refused": _refused(fit, np.ones(len(fit.states), dtype=np.bool_)),
        "expiries": [_expiry(chain, fit, one) for one in fit.expiries],
    }


def _expiry(chain: Chain, fit: ChainFit, one: ExpiryFit) -> dict[str, Any]:
    smile = smile_measures(one.slice, one.years)
    svi = {name: float(one.slice[at]) for name, at in (("a", A), ("b", B), ("rho", RHO), ("m", M), ("s", S))}
    return {
        "expiry": format_time_ns(one.expiry_ns),
        "years": one.years,
        "forward": one.forward,
        "svi": svi,
        "atm_volatility": smile.atm,
        "skew_25": smile.skew_25,
        "butterfly_25": smile.butterfly_25,
        "fit": _quality(one.quality),
        "refused": _refused(fit, chain.expiry_ns == one.expiry_ns),
        "flags": [flag for flag in fit.surface.flags if one.name in flag.split(":")],
    }


def _quality(quality: FitQuality) -> dict[str, Any]:
    """Return a quality as JSON: what has no value is null."""
    fields = msgspec.to_builtins(quality)
    return {name: None if np.isnan(value) else value for name, value in fields.items()}


def _refused(fit: ChainFit, of: np.ndarray) -> dict[str, int]:
    """Return how many quotes were not used, by reason."""
    counts = np.bincount(fit.states[of & (fit.states != USED)], minlength=len(STATES))
    return {STATES[state]: int(count) for state, count in enumerate(counts) if count}
