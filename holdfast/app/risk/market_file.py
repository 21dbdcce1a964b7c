"""Market files: what `--market` names: recordings of any known format, carried through the fold, or a JSON of prices.

Rules:

1. Recordings go through the same fold as a run: its books, marks and chains, at the last moment they tell of, are the
   market. What is older than that moment is told as stale by whoever uses it.
2. A JSON market states prices by hand: `{"time": ..., "prices": {"BTC": 95000}, "marks": {"deribit:BTC-PERPETUAL":
   {"price": ..., "volatility": ...}}, "forwards": {"BTC": {"2026-03-27T08:00:00Z": 95500}}}`. An unknown key is an error.
3. Minutes of price history come with recordings alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.app.recording.reader import Recording
from holdfast.app.risk.history import PriceHistory
from holdfast.app.risk.observed import ChainQuotes, chain_quotes, observe, turnovers_of
from holdfast.clock import parse_time_ns
from holdfast.engine import State
from holdfast.error import CallerError, OutsideError
from holdfast.event import Quarantined
from holdfast.instrument import Instruments
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.rules import RuleSet
from holdfast.risk.liquidity.unwind import Turnover
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.refresh import History

FAULTS_MAX: Final = 5


class Seen(msgspec.Struct, frozen=True):
    """A market, the chains and the history that came with it, and what could not be read."""

    market: RiskMarket
    chains: tuple[ChainQuotes, ...] = ()
    history: History = {}
    turnovers: dict[str, Turnover] = {}
    missing: tuple[Missing, ...] = ()


class _Stated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON market, as it is written."""

    time: str
    prices: dict[str, float]
    marks: dict[str, dict[str, float]] = {}
    forwards: dict[str, dict[str, float]] = {}


def read_market(paths: Sequence[Path], portfolio: Portfolio) -> Seen:
    """Return the market that files tell of, as far as a portfolio needs it.

    Raises: CallerError `market.mixed`, `market.unreadable`, `market.empty`; those of `Recording`.
    """
    stated = [path for path in paths if path.suffix.lower() == ".json" and _is_stated(path)]
    if stated:
        if len(paths) > 1:
            raise CallerError(
                "market.mixed",
                "a JSON market stands alone",
                where=str(stated[0]),
                remedy="give it, or recordings",
            )
        return Seen(
            stated_market(
                msgspec.json.decode(stated[0].read_bytes()), stated[0].name, portfolio.base_currency
            )
        )
    return _recorded(paths, portfolio)


def stated_market(whole: Any, where: str, base_currency: str = "USD") -> RiskMarket:
    """Return a market from a decoded JSON (rule 2). Raises: CallerError `market.unreadable` with the place."""
    try:
        stated = msgspec.convert(whole, _Stated)
        time_ns = parse_time_ns(stated.time)
        marks = {name: _mark(name, values, time_ns) for name, values in stated.marks.items()}
        curves = {name: _curve(name, known, stated, time_ns) for name, known in stated.forwards.items()}
    except (msgspec.ValidationError, OutsideError) as error:
        raise CallerError(
            "market.unreadable",
            str(error),
            where=where,
            remedy="time, prices, marks and forwards as docs/risk.md shows",
        ) from error
    for name, value in stated.prices.items():
        _positive(value, f"{where}: prices.{name}")
    prices = {name: Price(value, time_ns, "stated") for name, value in stated.prices.items()}
    return RiskMarket(
        time_ns=time_ns,
        base_currency=base_currency,
        prices={base_currency: Price(1.0, time_ns, "base currency"), **prices},
        curves=curves,
        marks=marks,
    )


def _is_stated(path: Path) -> bool:
    """Tell a JSON market from a recording that is JSON, by its keys."""
    try:
        whole: Any = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, OSError):
        return False
    return isinstance(whole, dict) and "prices" in whole


def _mark(name: str, values: dict[str, float], time_ns: int) -> Mark:
    known = set(Mark.__struct_fields__) - {"time_ns"}
    unknown = set(values) - known
    if unknown:
        raise OutsideError(
            "market.key",
            f"marks.{name} has an unknown key {min(unknown)!r}",
            remedy=f"known: {', '.join(sorted(known))}",
        )
    price = values.get("price", float("nan"))
    _positive(price, f"marks.{name}.price")
    return Mark(**{**values, "price": price}, time_ns=time_ns)


def _curve(name: str, known: dict[str, float], stated: _Stated, time_ns: int) -> Curve:
    if name not in stated.prices:
        raise OutsideError("market.key", f"forwards.{name} has no price of {name} beside it")
    by_expiry = sorted((parse_time_ns(expiry), value) for expiry, value in known.items())
    for _, value in by_expiry:
        _positive(value, f"forwards.{name}")
    expiries, forwards = zip(*by_expiry, strict=True) if by_expiry else ((), ())
    return Curve(time_ns, stated.prices[name], expiries, forwards, (1.0,) * len(expiries))


def _positive(value: float, where: str) -> None:
    if not 0.0 < value < float("inf"):
        raise CallerError(
            "market.unreadable", f"{value!r} is not a price", where=where, remedy="state a number above zero"
        )


def _recorded(paths: Sequence[Path], portfolio: Portfolio) -> Seen:
    instruments = Instruments()
    faults: list[Quarantined] = []
    recording = Recording(
        paths, instruments, on_fault=lambda one: faults.append(one) if isinstance(one, Quarantined) else None
    )
    history = PriceHistory()

    def watch(now_ns: int, state: State) -> None:
        if history.is_due(now_ns):
            history.take(observe(now_ns, state, portfolio))

    state = State(instruments, Desk(RuleSet([]), Escalation()), watch)
    last_ns = 0
    for rows in recording.batches():
        state.step(rows)
        last_ns = int(rows["received_ns"][-1])
    state.finish()
    if not state.rows:
        first = f": {faults[0].reason}" if faults else ""
        raise CallerError(
            "market.empty", f"no row could be used{first}", where=", ".join(str(p) for p in paths)
        )
    missing = [Missing(f"{one.file}:{one.line}", one.code, one.reason) for one in faults[:FAULTS_MAX]]
    if len(faults) > FAULTS_MAX:
        missing.append(
            Missing(
                "market", "market.quarantined", f"{len(faults) - FAULTS_MAX:,} more pieces could not be used"
            )
        )
    market = observe(last_ns, state, portfolio)
    return Seen(
        market=market,
        chains=chain_quotes(last_ns, state, portfolio),
        history=history.series(),
        turnovers=turnovers_of(state, portfolio),
        missing=tuple(missing),
    )
