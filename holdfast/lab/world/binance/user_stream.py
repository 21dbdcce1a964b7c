"""Binance's account streams: listen keys, and what they bring.

1. An account has one listen key at a time, good for an hour from when it was opened or last kept alive.
2. `ORDER_TRADE_UPDATE` tells each change of an order; `ACCOUNT_UPDATE` what money and positions became by one cause.
3. `MARGIN_CALL` is told once a minute while maintenance margin exceeds four fifths of the equity.
"""

import hashlib
from decimal import Decimal
from typing import Any, Final

from holdfast.clock import HOUR_NS, MINUTE_NS
from holdfast.lab.world.binance import account_shapes as shapes
from holdfast.lab.world.binance.reply import encode, money, ms, on_grid
from holdfast.lab.world.exchange import (
    BalanceMoved,
    Exchange,
    Executed,
    Fill,
    News,
    Order,
    OrderMoved,
    PositionMoved,
    TickerMoved,
)
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.topic import Topic

LISTEN_KEY_NS: Final = HOUR_NS
_CALL_AT: Final = Decimal("0.8")
_CAUSES: Final = {
    "trade": "ORDER",
    "funding": "FUNDING_FEE",
    "deposit": "DEPOSIT",
    "withdrawal": "WITHDRAW",
    "transfer": "ASSET_TRANSFER",
    "delivery": "ADJUSTMENT",
    "insurance": "INSURANCE_CLEAR",
}
_HAPPENED: Final = {"new": "NEW", "edit": "AMENDMENT"}

Json = dict[str, Any]


class ListenKeys:
    """The listen keys of a venue's accounts."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[str, int]] = {}
        self._count = 0

    def open(self, account: str, now_ns: int) -> str:
        """Return the account's key, made or kept alive."""
        held = self.keep(account, now_ns)
        if held is not None:
            return held
        self._count += 1
        key = hashlib.sha256(f"{account}/{self._count}".encode()).hexdigest()
        self._keys[account] = key, now_ns + LISTEN_KEY_NS
        return key

    def keep(self, account: str, now_ns: int) -> str | None:
        """Keep the account's key alive; None where it has none."""
        held = self._keys.get(account)
        if held is None or held[1] <= now_ns:
            return None
        self._keys[account] = held[0], now_ns + LISTEN_KEY_NS
        return held[0]

    def close(self, account: str) -> None:
        """End the account's key."""
        self._keys.pop(account, None)

    def holder(self, key: str, now_ns: int) -> str | None:
        """Return the account of a key that is good."""
        return next(
            (name for name, (held, until) in self._keys.items() if held == key and until > now_ns), None
        )

    def take_expired(self, now_ns: int) -> list[tuple[str, str]]:
        """Forget the keys that have run out; return them with their accounts."""
        expired = [(name, key) for name, (key, until) in self._keys.items() if until <= now_ns]
        for name, _ in expired:
            del self._keys[name]
        return expired


class UserTopic(Topic):
    """What an account's stream says."""

    def __init__(self, channel: str, exchange: Exchange, faults: Faults, account: str) -> None:
        super().__init__(channel, exchange, faults, 0)
        self.account = account
        self._gathered: list[bytes] = []
        self._traded: Order | None = None
        self._cause = ""
        self._assets: dict[str, Decimal] = {}
        self._symbols: dict[str, None] = {}
        self._call_due_ns = 0

    def hear(self, news: News) -> None:
        if isinstance(news, TickerMoved):
            self._call()
        elif isinstance(news, OrderMoved):
            if news.account == self.account:
                self._on_order(news)
        elif isinstance(news, Executed):
            if news.account == self.account and self._traded is not None:
                self._gathered.append(self._order(self._traded, "TRADE", news.fill))
                self._traded = None
        elif isinstance(news, BalanceMoved):
            if news.account == self.account:
                self._because(_CAUSES.get(news.because, "ADJUSTMENT"))
                self._assets[news.asset] = self._assets.get(news.asset, Decimal(0)) + news.change
        elif isinstance(news, PositionMoved) and news.account == self.account:
            self._because(self._cause or "ORDER")
            self._symbols[news.instrument] = None

    def say(self) -> list[bytes]:
        self._settle()
        said, self._gathered = self._gathered, []
        return said

    def expire(self, now_ns: int) -> bytes:
        """Return the last word of a stream whose key has run out."""
        return encode({"e": "listenKeyExpired", "E": ms(self.venue_ns(now_ns)), "listenKey": self.channel})

    def _on_order(self, news: OrderMoved) -> None:
        if news.what == "trade":
            self._traded = news.order
            return
        it = news.order
        happened = _HAPPENED.get(news.what) or ("EXPIRED" if shapes.status(it) == "EXPIRED" else "CANCELED")
        self._settle()
        self._gathered.append(self._order(it, happened, None))

    def _because(self, cause: str) -> None:
        if self._cause and self._cause != cause:
            self._settle()
        self._cause = cause

    def _settle(self) -> None:
        """Tell what money and positions became."""
        if not self._cause:
            return
        said = {
            "e": "ACCOUNT_UPDATE",
            "E": ms(self.venue_ns(self.exchange.now_ns)),
            "T": ms(self.venue_ns(self.exchange.now_ns)),
            "a": {
                "m": self._cause,
                "B": [self._asset(asset, change) for asset, change in self._assets.items()],
                "P": [it for symbol in self._symbols if (it := self._position(symbol)) is not None],
            },
        }
        self._cause = ""
        self._assets.clear()
        self._symbols.clear()
        self._gathered.append(encode(said))

    def _asset(self, asset: str, change: Decimal) -> Json:
        held = self.exchange.balance(self.account, asset)
        crossed = held.amount - held.isolated_margin
        return {"a": asset, "wb": money(held.amount), "cw": money(crossed), "bc": money(change)}

    def _position(self, symbol: str) -> Json | None:
        held = self.exchange.position(self.account, symbol)
        if held is None:
            return None
        listing = self.exchange.listings[symbol]
        return {
            "s": symbol,
            "pa": on_grid(held.quantity, listing.lot),
            "ep": money(held.entry_price),
            "bep": money(held.entry_price),
            "cr": money(held.realised),
            "up": money(held.unrealised),
            "mt": "isolated" if held.isolated else "cross",
            "iw": money(held.isolated_margin),
            "ps": "BOTH",
            "ma": listing.settle,
        }

    def _order(self, it: Order, happened: str, fill: Fill | None) -> bytes:
        listing = self.exchange.listings[it.instrument]
        tick, lot = listing.tick, listing.lot
        zero = Decimal(0)
        time_ms = ms(self.venue_ns(it.updated_ns))
        forced = it.kind == "liquidation"
        client_id = it.client_id or (f"autoclose-{time_ms}" if forced else "")
        order: Json = {
            "s": it.instrument,
            "c": "adl_autoclose" if fill is not None and fill.deleveraging else client_id,
            "S": it.side.upper(),
            "o": "LIQUIDATION" if forced else shapes.kind(it),
            "f": shapes.time_in_force(it),
            "q": on_grid(it.quantity, lot),
            "p": on_grid(it.price or zero, tick),
            "ap": money(it.average_price or zero, 5),
            "sp": "0",
            "x": "CALCULATED" if forced and fill is not None else happened,
            "X": shapes.status(it),
            "i": it.sequence,
            "l": on_grid(fill.quantity if fill else zero, lot),
            "z": on_grid(it.filled, lot),
            "L": on_grid(fill.price if fill else zero, tick),
            "T": time_ms,
            "t": fill.trade_sequence if fill else 0,
            "b": "0",
            "a": "0",
            "m": fill.maker if fill else False,
            "R": it.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": shapes.kind(it),
            "ps": "BOTH",
            "cp": False,
            "rp": money(fill.realised if fill else zero),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "NONE",
            "pm": "NONE",
            "gtd": 0,
        }
        if fill is not None:
            order |= {"N": fill.fee_asset, "n": money(fill.fee)}
        return encode({"e": "ORDER_TRADE_UPDATE", "E": time_ms, "T": time_ms, "o": order})

    def _call(self) -> None:
        now_ns = self.exchange.now_ns
        if now_ns < self._call_due_ns:
            return
        for balance in self.exchange.balances(self.account):
            if balance.maintenance_margin > 0 and balance.maintenance_margin > balance.equity * _CALL_AT:
                self._call_due_ns = now_ns + MINUTE_NS
                self._gathered.append(self._called(balance.amount - balance.isolated_margin))

    def _called(self, crossed: Decimal) -> bytes:
        positions: list[Json] = []
        for held in self.exchange.positions(self.account):
            listing = self.exchange.listings[held.instrument]
            positions.append(
                {
                    "s": held.instrument,
                    "ps": "BOTH",
                    "pa": on_grid(held.quantity, listing.lot),
                    "mt": "ISOLATED" if held.isolated else "CROSSED",
                    "iw": money(held.isolated_margin),
                    "mp": money(held.mark),
                    "up": money(held.unrealised),
                    "mm": money(held.maintenance_margin),
                }
            )
        now_ms = ms(self.venue_ns(self.exchange.now_ns))
        return encode({"e": "MARGIN_CALL", "E": now_ms, "cw": money(crossed), "p": positions})
