"""Answers about the market: books and tickers."""

from decimal import Decimal

from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.delivery import Delivery
from holdfast.lab.world.exchange.funding import Funding
from holdfast.lab.world.exchange.listing import HOUR_NS
from holdfast.lab.world.exchange.marks import YEAR_S, Marks
from holdfast.lab.world.exchange.order_book import BookSide
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import Book, Greeks, Ticker
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.implied_volatility import implied_volatility


class MarketAnswers:
    """Shows books and tickers."""

    def __init__(self, state: VenueState, marks: Marks, funding: Funding, delivery: Delivery) -> None:
        self._state = state
        self._marks = marks
        self._funding = funding
        self._delivery = delivery

    def book(self, contract: Contract, depth: int) -> Book:
        """Return the best levels of both sides."""
        tick, lot = contract.tick, contract.lot

        def best(side: BookSide) -> list[tuple[Decimal, Decimal]]:
            levels = (side.levels[key] for key in side.keys[: -depth - 1 : -1])
            return [(level.ticks * tick, level.lots * lot) for level in levels]

        return Book(
            instrument=contract.symbol,
            time_ns=self._state.now_ns,
            change_id=contract.change_id,
            bids=best(contract.bids),
            asks=best(contract.asks),
        )

    def ticker(self, contract: Contract) -> Ticker:
        """Return what is known of a contract now."""
        self._marks.fresh(contract)
        now = self._state.now_ns
        tick, lot = contract.tick, contract.lot
        bid, ask = contract.bids.best, contract.asks.best
        perpetual = contract.listing.kind == "perpetual"
        hours = [hour for hour in contract.hours if hour.hour > now // HOUR_NS - 24]
        return Ticker(
            instrument=contract.symbol,
            time_ns=now,
            mark=contract.mark,
            index=self._state.index(contract.base),
            settlement_price=self._delivery.price(contract),
            last=contract.last_ticks * tick if contract.last_ticks else None,
            best_bid=bid.ticks * tick if bid else None,
            best_bid_size=(bid.lots if bid else 0) * lot,
            best_ask=ask.ticks * tick if ask else None,
            best_ask_size=(ask.lots if ask else 0) * lot,
            funding_rate=contract.funding_rate,
            interest=contract.funding_rate if self._state.settings.funding == "continuous" else 0.0,
            next_funding_ns=self._funding.next_ns() if perpetual else 0,
            open_interest=contract.open_interest * lot,
            volume=sum(hour.lots for hour in hours) * lot,
            volume_quote=sum(hour.quote for hour in hours),
            high=max(hour.high for hour in hours) * tick if hours else None,
            low=min(hour.low for hour in hours) * tick if hours else None,
            first=hours[0].first * tick if hours else None,
            trades_count=sum(hour.count for hour in hours),
            underlying=contract.underlying,
            mark_iv=contract.mark_iv,
            bid_iv=self._volatility(contract, bid.ticks) if bid else 0.0,
            ask_iv=self._volatility(contract, ask.ticks) if ask else 0.0,
            greeks=Greeks(*contract.greeks),
            is_open=contract.is_open,
        )

    def _volatility(self, contract: Contract, ticks: int) -> float:
        if not contract.is_option or contract.underlying <= 0.0:
            return 0.0
        listing = contract.listing
        price = ticks * contract.tick_size * (contract.underlying if listing.inverse else 1.0)
        years = max(listing.expiry_ns - self._state.now_ns, 0) * 1e-9 / YEAR_S
        sign = 1.0 if listing.option_type == "call" else -1.0
        found = implied_volatility(price, contract.underlying, float(listing.strike), years, sign)
        return 0.0 if isinstance(found, Missing) else found
