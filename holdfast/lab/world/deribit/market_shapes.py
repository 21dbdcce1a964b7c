"""What Deribit shows of its market: instruments, tickers, books, summaries and trades, as JSON.

Amounts and prices leave as floats, which is what the venue's JSON holds. Volatilities are in percent.
"""

from decimal import Decimal
from typing import Any, Final

from holdfast.clock import DAY_NS, MILLISECOND_NS
from holdfast.lab.world.exchange import Book, Exchange, Listing, Ticker, Trade

NEVER_MS: Final = 32503708800000
_DECIMALS: Final = 8
_FULL_DEPTH: Final = 10_000

Json = dict[str, Any]


def ms(time_ns: int) -> int:
    """Return milliseconds, as the venue counts time."""
    return time_ns // MILLISECOND_NS


def kind_of(listing: Listing) -> str:
    """Return the venue's kind: a perpetual is a future."""
    return "option" if listing.kind == "option" else "future"


def index_name(listing: Listing) -> str:
    """Return the name of the index an instrument follows.

    >>> index_name(Listing(symbol="", kind="perpetual", base="BTC", quote="USD", settle="BTC", inverse=True,
    ...     contract_size=Decimal(10), tick=Decimal(1), lot=Decimal(1)))
    'btc_usd'
    """
    return f"{listing.base}_{'usd' if listing.inverse else listing.quote}".lower()


def instrument(exchange: Exchange, listing: Listing) -> Json:
    """Return one entry of `get_instruments`."""
    names = list(exchange.listings)
    entry: Json = {
        "tick_size": float(listing.tick),
        "tick_size_steps": [],
        "taker_commission": float(listing.taker_fee),
        "maker_commission": float(listing.maker_fee),
        "settlement_period": _period(listing),
        "settlement_currency": listing.settle,
        "rfq": False,
        "quote_currency": listing.quote,
        "price_index": index_name(listing),
        "min_trade_amount": float(listing.lot),
        "kind": kind_of(listing),
        "is_active": True,
        "state": "open",
        "instrument_type": "reversed" if listing.inverse else "linear",
        "instrument_name": listing.symbol,
        "instrument_id": 100_000 + names.index(listing.symbol),
        "expiration_timestamp": ms(listing.expiry_ns) if listing.expiry_ns else NEVER_MS,
        "creation_timestamp": ms(listing.created_ns),
        "counter_currency": "USD" if listing.inverse else listing.quote,
        "contract_size": float(listing.contract_size),
        "block_trade_commission": float(listing.taker_fee),
        "base_currency": listing.base,
    }
    if listing.kind == "option":
        entry |= {"strike": float(listing.strike), "option_type": listing.option_type}
    else:
        entry |= {
            "max_liquidation_commission": float(exchange.settings.liquidation_fee),
            "max_leverage": int(1 / listing.initial_margin),
            "future_type": entry["instrument_type"],
        }
    return entry


def ticker(exchange: Exchange, listing: Listing, time_ns: int) -> Json:
    """Return `public/ticker` of an instrument."""
    now = known(exchange, listing)
    bound = exchange.settings.market_bound
    shown: Json = {
        "timestamp": ms(time_ns),
        "stats": _stats(now),
        "state": "open" if now.is_open else "closed",
        "settlement_price": tidy(now.settlement_price),
        "open_interest": float(now.open_interest),
        "min_price": _on_tick(now.mark * (1 - bound), listing),
        "max_price": _on_tick(now.mark * (1 + bound), listing),
        "mark_price": mark_of(listing, now.mark),
        "last_price": float(now.last) if now.last is not None else None,
        "instrument_name": listing.symbol,
        "index_price": round(now.index, 2),
        "estimated_delivery_price": round(now.index, 2),
        "best_bid_price": float(now.best_bid or 0),
        "best_bid_amount": float(now.best_bid_size),
        "best_ask_price": float(now.best_ask or 0),
        "best_ask_amount": float(now.best_ask_size),
    }
    if listing.kind == "option":
        greeks = now.greeks
        shown |= {
            "underlying_price": round(now.underlying, 4),
            "underlying_index": f"SYN.{listing.symbol.rsplit('-', 2)[0]}",
            "mark_iv": percent(now.mark_iv),
            "bid_iv": percent(now.bid_iv),
            "ask_iv": percent(now.ask_iv),
            "interest_rate": 0.0,
            "greeks": {
                "vega": round(greeks.vega, 5),
                "theta": round(greeks.theta, 5),
                "rho": round(greeks.rho, 5),
                "gamma": round(greeks.gamma, 5),
                "delta": round(greeks.delta, 5),
            },
        }
    if listing.kind == "perpetual":
        shown |= {
            "funding_8h": tidy(now.funding_rate),
            "current_funding": tidy(now.interest),
            "interest_value": tidy(now.interest),
        }
    return shown


def quote(exchange: Exchange, listing: Listing, time_ns: int) -> Json:
    """Return the touch of an instrument, as the quote channel shows it."""
    bid, bid_lots, ask, ask_lots = exchange.touch(listing.symbol)
    return {
        "timestamp": ms(time_ns),
        "instrument_name": listing.symbol,
        "best_bid_price": float(bid * listing.tick) if bid_lots else 0.0,
        "best_bid_amount": float(bid_lots * listing.lot),
        "best_ask_price": float(ask * listing.tick) if ask_lots else 0.0,
        "best_ask_amount": float(ask_lots * listing.lot),
    }


def full_book(exchange: Exchange, symbol: str) -> Book:
    """Return the whole book of a listed instrument."""
    book = exchange.book(symbol, _FULL_DEPTH)
    assert book is not None
    return book


def levels(side: list[tuple[Decimal, Decimal]]) -> list[tuple[float, float]]:
    """Return levels as pairs of numbers."""
    return [(float(price), float(size)) for price, size in side]


def trade(exchange: Exchange, printed: Trade, tick_direction: int) -> Json:
    """Return a public trade."""
    listing = exchange.listings[printed.instrument]
    shown: Json = {
        "trade_seq": printed.trade_sequence,
        "trade_id": trade_name(listing, printed.trade_id),
        "timestamp": ms(printed.time_ns),
        "tick_direction": tick_direction,
        "price": float(printed.price),
        "mark_price": mark_of(listing, printed.mark),
        "instrument_name": printed.instrument,
        "index_price": round(printed.index, 2),
        "direction": printed.side,
        "contracts": float(printed.quantity / listing.contract_size),
        "amount": float(printed.quantity),
    }
    if listing.kind == "option":
        shown["iv"] = percent(known(exchange, listing).mark_iv)
    if printed.liquidation:
        shown["liquidation"] = "T"
    return shown


def trade_name(listing: Listing, trade_id: int) -> str:
    """Return a trade's id as the venue spells it."""
    return f"{listing.settle}-{trade_id}"


def summary(exchange: Exchange, listing: Listing, time_ns: int) -> Json:
    """Return one entry of `get_book_summary_by_currency`."""
    now = known(exchange, listing)
    bid, ask = now.best_bid, now.best_ask
    shown: Json = {
        "volume": float(now.volume),
        "volume_usd": round(now.volume_quote, 2),
        "quote_currency": listing.quote,
        "price_change": _change(now),
        "open_interest": float(now.open_interest),
        "mid_price": float(bid + ask) / 2 if bid is not None and ask is not None else None,
        "mark_price": mark_of(listing, now.mark),
        "low": float(now.low) if now.low is not None else None,
        "last": float(now.last) if now.last is not None else None,
        "instrument_name": listing.symbol,
        "high": float(now.high) if now.high is not None else None,
        "estimated_delivery_price": round(now.index, 2),
        "creation_timestamp": ms(time_ns),
        "bid_price": float(bid) if bid is not None else None,
        "base_currency": listing.base,
        "ask_price": float(ask) if ask is not None else None,
    }
    if listing.kind == "option":
        shown |= {
            "underlying_price": round(now.underlying, 4),
            "underlying_index": f"SYN.{listing.symbol.rsplit('-', 2)[0]}",
            "mark_iv": percent(now.mark_iv),
            "interest_rate": 0.0,
        }
    if listing.kind == "perpetual":
        shown |= {"funding_8h": tidy(now.funding_rate), "current_funding": tidy(now.interest)}
    return shown


def known(exchange: Exchange, listing: Listing) -> Ticker:
    """Return the ticker of a listed instrument."""
    found = exchange.ticker(listing.symbol)
    assert found is not None
    return found


def mark_of(listing: Listing, mark: float) -> float:
    """Return a mark price as it is shown: cents for futures, more for options."""
    return round(mark, _DECIMALS if listing.kind == "option" else 2)


def tidy(number: float) -> float:
    """Return a number with eight decimals."""
    return round(number, _DECIMALS)


def percent(fraction: float) -> float:
    """Return a volatility in percent."""
    return round(fraction * 100, 2)


def _stats(now: Ticker) -> Json:
    return {
        "volume_usd": round(now.volume_quote, 2),
        "volume": float(now.volume),
        "price_change": _change(now),
        "low": float(now.low) if now.low is not None else None,
        "high": float(now.high) if now.high is not None else None,
    }


def _change(now: Ticker) -> float | None:
    return round(float(now.last / now.first - 1) * 100, 4) if now.last and now.first else None


def _on_tick(price: float, listing: Listing) -> float:
    return float(round(Decimal(price) / listing.tick) * listing.tick)


def _period(listing: Listing) -> str:
    if listing.kind == "perpetual":
        return "perpetual"
    days = (listing.expiry_ns - listing.created_ns) / DAY_NS
    return "day" if days <= 3 else "week" if days <= 21 else "month"
