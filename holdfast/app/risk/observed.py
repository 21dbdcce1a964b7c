"""Observed: the market as the fold sees it, as the risk engine takes it. One path for a live run, a replay and market files.

Rules:

1. An asset's price is, in this order: an index, a dollar spot, a stablecoin spot, a perpetual, a dated future, the
   underlying that the nearest option is priced from; among equals the newest. What feed trust objects to comes last.
2. A stablecoin that nothing shows is taken at par, and its price says `par`.
3. A contract's mark is the venue's mark, else the price that the fold uses. Its time is that of the last row.
4. Depth is in asset units at prices in quote units. Where a venue counts contracts and no listing says their size, there is
   none.
5. Everything is limited to the assets that a portfolio holds, and to what it settles in.
"""

import math
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from holdfast.engine import State
from holdfast.instrument import Instrument
from holdfast.market.book import LIVE
from holdfast.risk.contract import contract_of
from holdfast.risk.liquidity.unwind import Turnover
from holdfast.risk.market import Curve, Depth, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Portfolio

STABLECOINS: Final = ("USDT", "USDC", "USDE", "DAI", "FDUSD", "TUSD", "BUSD")
COUNT_CONTRACTS: Final = ("okx", "binance-coinm", "bitmex")  # the others' sizes are in coins or dollars
MINUTES_DAY: Final = 1_440
DAYS_YEAR: Final = 365
LEVELS_MAX: Final = 256  # of a book's side
INDEX, SPOT, STABLE_SPOT, PERPETUAL, FUTURE, UNDERLYING, DISTRUSTED = range(7)
SOURCES: Final = (
    "index",
    "spot",
    "stablecoin spot",
    "perpetual",
    "future",
    "option's underlying",
    "not trusted",
)


def assets_of(portfolio: Portfolio) -> frozenset[str]:
    """Return every asset whose price a portfolio needs."""
    contracts = [position.contract for position in portfolio.positions]
    names = {name for c in contracts for name in (c.asset, c.quote, c.settle)}
    return frozenset(names | {balance.asset for balance in portfolio.balances} | {portfolio.base_currency})


def observe(now_ns: int, state: State, portfolio: Portfolio) -> RiskMarket:
    """Return what the fold knows now of everything that a portfolio needs, without surfaces (`surfaces.py` fits them)."""
    wanted = assets_of(portfolio)
    held = {position.contract.name for position in portfolio.positions}
    seen = [(n, state.instruments[n]) for n in range(state.count) if state.instruments[n].base in wanted]
    prices = _prices(now_ns, state, wanted, portfolio.base_currency, seen)
    marks = {i.name: mark for n, i in seen if i.kind != "spot" and (mark := _mark(state, n)) is not None}
    depths = {i.name: depth for n, i in seen if i.name in held and (depth := _depth(state, n, i)) is not None}
    curves = {name: _curve(now_ns, state, name, price.value, seen) for name, price in prices.items()}
    return RiskMarket(
        time_ns=now_ns,
        base_currency=portfolio.base_currency,
        prices=prices,
        curves={name: curve for name, curve in curves.items() if curve.expiries_ns},
        marks=marks,
        depths=depths,
    )


def _prices(
    now_ns: int, state: State, wanted: frozenset[str], base: str, seen: list[tuple[int, Instrument]]
) -> dict[str, Price]:
    """Return prices in base currency, by rule 1. Stablecoins first: others are quoted in them."""
    prices = {base: Price(1.0, now_ns, "base currency")}
    for asset in sorted(wanted - {base}, key=lambda name: (name not in STABLECOINS, name)):
        offers = [offer for n, i in seen if i.base == asset for offer in _offers(state, n, i, prices)]
        if offers:
            rank, _, time_ns, value = min(offers, key=lambda offer: (offer[0], offer[1], -offer[2]))
            prices[asset] = Price(value, time_ns, SOURCES[rank])
        elif asset in STABLECOINS:
            prices[asset] = Price(1.0, now_ns, "par")
    return prices


def _offers(
    state: State, number: int, instrument: Instrument, prices: dict[str, Price]
) -> Iterator[tuple[int, int, int, float]]:
    """Yield (rank, expiry, time, price in base currency) of everything that an instrument says of its base asset."""
    row = state.market.board[number]
    quote = "USD" if instrument.inverse else instrument.quote
    per_quote = prices[quote].value if quote in prices else 1.0 if quote in STABLECOINS else float("nan")
    if not per_quote > 0.0:
        return
    time_ns = int(row["row_ns"])
    price_ns = int(row["price_ns"])
    index, price, forward = (float(row[name]) for name in ("index", "price", "forward"))
    if index > 0.0:
        yield INDEX, 0, time_ns, index * per_quote
    if instrument.kind == "option":
        if forward > 0.0:
            yield UNDERLYING, instrument.expiry_ns, time_ns, forward * per_quote
    elif price > 0.0:
        rank = {
            "spot": STABLE_SPOT if quote in STABLECOINS else SPOT,
            "perpetual": PERPETUAL,
            "future": FUTURE,
        }[instrument.kind]
        yield (rank if state.watch.trusted[number] else DISTRUSTED), 0, price_ns, price * per_quote


def _mark(state: State, number: int) -> Mark | None:
    row = state.market.board[number]
    mark, price = float(row["mark"]), float(row["price"])
    value = mark if mark > 0.0 else price
    volatility = _volatility(row)
    if not value > 0.0 and not volatility > 0.0:
        return None
    return Mark(
        price=value,
        time_ns=int(row["row_ns"]),
        bid=float(row["bid"]),
        ask=float(row["ask"]),
        volatility=volatility,
        funding_rate=float(row["funding"]),
    )


def _volatility(row: Any) -> float:
    """Return the venue's mark volatility, else the middle of its bid and ask volatility, else NaN."""
    mark, bid, ask = (float(row[name]) for name in ("mark_vol", "bid_vol", "ask_vol"))
    if mark > 0.0:
        return mark
    return 0.5 * (bid + ask) if bid > 0.0 and ask > 0.0 else float("nan")


def _depth(state: State, number: int, instrument: Instrument) -> Depth | None:
    """Return the live book of an instrument, else the best quotes with their sizes, in asset units."""
    row, own = state.market.board[number], state.market.state[number]
    tick, lot = state.market.steps[number]
    slot = int(own["slot"])
    contract = contract_of(instrument)
    per_price = contract.inverse and contract.kind != "option"
    counts_contracts = instrument.venue in COUNT_CONTRACTS and instrument.kind != "spot"
    if counts_contracts and not instrument.listed:
        return None
    worth = (
        float(row["forward"]) if contract.inverse and contract.kind == "option" else 1.0
    )  # of a coin, in quote units
    if not worth > 0.0:
        return None
    unit = contract.contract_size if counts_contracts else 1.0

    def side(prices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        amounts = sizes * unit
        return np.column_stack([prices * worth, amounts / prices if per_price else amounts])

    if slot >= 0 and own["book"] == LIVE:
        sides: list[np.ndarray] = []
        for k, count in enumerate((int(own["bids"]), int(own["asks"]))):
            chosen = slice(max(0, count - LEVELS_MAX), count)
            keys = state.market.keys[slot, k, chosen][::-1]
            sides.append(side(np.abs(keys) * tick, state.market.sizes[slot, k, chosen][::-1] * lot))
        return Depth(int(row["row_ns"]), sides[0], sides[1])
    bid, bid_size, ask, ask_size = (float(row[name]) for name in ("bid", "bid_size", "ask", "ask_size"))
    if not (bid > 0.0 and ask > bid and bid_size > 0.0 and ask_size > 0.0):
        return None
    bids, asks = (side(np.array([p]), np.array([s])) for p, s in ((bid, bid_size), (ask, ask_size)))
    return Depth(int(row["quote_ns"]), bids, asks)


def _curve(now_ns: int, state: State, asset: str, spot: float, seen: list[tuple[int, Instrument]]) -> Curve:
    """Return the forwards of an asset: the median of futures by expiry, else of what options are priced from."""
    futures: dict[int, list[float]] = {}
    options: dict[int, list[float]] = {}
    for n, i in seen:
        if i.base != asset or i.expiry_ns <= now_ns:
            continue
        row = state.market.board[n]
        if i.kind == "future" and row["price"] > 0.0:
            futures.setdefault(i.expiry_ns, []).append(float(row["price"]))
        elif i.kind == "option" and row["forward"] > 0.0:
            options.setdefault(i.expiry_ns, []).append(float(row["forward"]))
    known = {**options, **futures}
    expiries = tuple(sorted(known))
    forwards = tuple(float(np.median(known[expiry])) for expiry in expiries)
    return Curve(now_ns, spot, expiries, forwards, (1.0,) * len(expiries))


def turnovers_of(state: State, portfolio: Portfolio) -> dict[str, Turnover]:
    """Return how much each contract held trades in a day, from the last minutes of it, where any trade was seen.

    A day is taken as 1,440 minutes like the last ones: after a burst it is too much, in a lull too little.
    """
    held = {position.contract.name for position in portfolio.positions}
    found: dict[str, Turnover] = {}
    for n in range(state.count):
        instrument, own, feature = state.instruments[n], state.market.state[n], state.features[n]
        price, volatility = float(state.market.board[n]["price"]), float(feature["volatility_1h"])
        turnover = float(own["turnover_1m"])  # notional; of an inverse contract already in quote units
        if instrument.name in held and turnover > 0.0 and price > 0.0 and np.isfinite(volatility):
            daily = MINUTES_DAY * turnover / price
            found[instrument.name] = Turnover(
                daily_volume=daily, daily_volatility=volatility / math.sqrt(DAYS_YEAR)
            )
    return found


class ChainQuotes(msgspec.Struct, frozen=True):
    """The option quotes of one asset, for fitting a surface. Shape: every array (options,).

    Units: strike and forward quote units; bid and ask coin where `inverse`, else quote units, NaN where there is none.
    """

    asset: str
    expiry_ns: np.ndarray
    strike: np.ndarray
    is_call: np.ndarray
    inverse: bool
    bid: np.ndarray
    ask: np.ndarray
    forward: np.ndarray


def chain_quotes(now_ns: int, state: State, portfolio: Portfolio) -> tuple[ChainQuotes, ...]:
    """Return the quotes of every chain on an asset that a portfolio holds."""
    wanted = {
        position.contract.asset for position in portfolio.positions if position.contract.kind == "option"
    }
    found: list[ChainQuotes] = []
    for chain in state.chains.all:
        options = chain.options[chain.options["expiry_ns"] > now_ns]
        numbers = options["instrument"]
        if not len(numbers) or state.instruments[int(numbers[0])].base not in wanted:
            continue
        rows = state.market.board[numbers]
        found.append(
            ChainQuotes(
                asset=state.instruments[int(numbers[0])].base,
                expiry_ns=options["expiry_ns"].copy(),
                strike=options["strike"].copy(),
                is_call=options["is_call"].copy(),
                inverse=bool(options["inverse"][0]),
                bid=rows["bid"],
                ask=rows["ask"],
                forward=rows["forward"],
            )
        )
    return tuple(found)
