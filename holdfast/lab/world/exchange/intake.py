"""Intake: what is asked of the venue, judged before anything is done.

Rules:

1. The first thing that is wrong is the refusal: account, instrument, validity, grid, client id, reduce-only, post-only,
   liquidity, margin. A refused request leaves no trace.
2. A market order is a limit order that never rests, at `market_bound` of the index beyond the mark.
3. Reduce-only: cut to the position, refused where there is nothing to reduce.
"""

from decimal import Decimal

from holdfast.lab.world.exchange.account import Holding
from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.margin import Margin
from holdfast.lab.world.exchange.marks import Marks
from holdfast.lab.world.exchange.matching import Matching
from holdfast.lab.world.exchange.order_book import Resting
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import Order, OrderRequest, Refused
from holdfast.order import Side, TimeInForce


class Intake:
    """Judges orders and edits and hands them to the matching engine."""

    def __init__(self, state: VenueState, marks: Marks, margin: Margin, matching: Matching) -> None:
        self._state = state
        self._marks = marks
        self._margin = margin
        self._matching = matching

    def place(self, account_name: str, request: OrderRequest) -> Order | Refused:
        """Take an order in."""
        contract = self._state.contracts.get(request.instrument)
        if contract is None:
            return Refused("unknown_instrument", f"there is no {request.instrument}")
        if request.valid_until_ns and self._state.now_ns > request.valid_until_ns:
            return Refused("expired", "the order came after its validity")
        lots = _on_grid(request.quantity, contract.lot)
        if lots <= 0:
            return Refused(
                "bad_quantity", f"quantity {request.quantity} is not a positive multiple of {contract.lot}"
            )
        ticks: int | None = None
        if request.kind == "limit":
            if request.price is None:
                return Refused("bad_price", "a limit order has a price")
            ticks = _on_grid(request.price, contract.tick)
            if ticks <= 0:
                return Refused(
                    "bad_price", f"price {request.price} is not a positive multiple of {contract.tick}"
                )
        return self.place_lots(
            account_name,
            request.instrument,
            request.side,
            lots,
            ticks,
            request.time_in_force,
            request.post_only,
            request.reduce_only,
            request.client_id,
            request.post_only_slide,
        )

    def place_lots(
        self,
        account_name: str,
        instrument: str,
        side: Side,
        lots: int,
        ticks: int | None,
        time_in_force: TimeInForce = "gtc",
        post_only: bool = False,
        reduce_only: bool = False,
        client_id: str = "",
        slide: bool = False,
    ) -> Order | Refused:
        """Take an order in whose size and price are on the grid."""
        state = self._state
        account = state.accounts.get(account_name)
        if account is None:
            return Refused("unknown_account", f"there is no account {account_name}")
        contract = state.contracts.get(instrument)
        if contract is None:
            return Refused("unknown_instrument", f"there is no {instrument}")
        if lots <= 0:
            return Refused("bad_quantity", "an order is for one lot at least")
        if ticks is not None and ticks <= 0:
            return Refused("bad_price", "a price is one tick at least")
        if not contract.is_open:
            return Refused("instrument_closed", f"{instrument} has expired")
        if contract.is_option:
            self._marks.fresh(contract)
        if contract.mark <= 0.0:
            return Refused("no_mark", f"{instrument} has no mark price yet")
        if client_id and state.settings.unique_client_ids:
            known = account.client_ids.get((instrument, client_id))
            if known is not None and known.state == "open":
                return Refused("duplicate_client_id", f"an open order carries {client_id}")
        holding = account.holdings.get(instrument) or account.holding(contract)
        if reduce_only:
            lots = self._reducible(holding, side, lots)
            if not lots:
                return Refused("reduce_only", "there is nothing to reduce")
        kind = "limit"
        sign = 1 if side == "buy" else -1
        judged = ticks
        if ticks is None:
            kind = "market"
            ticks = judged = self._market_ticks(contract, sign)
            if judged is None or ticks is None:
                return Refused("no_liquidity", "there is nothing to meet a market order")
            touch = (contract.asks if sign > 0 else contract.bids).keys[-1]
            judged = abs(touch)
        elif post_only:
            ticks = judged = self._passive(contract, sign, ticks, slide)
            if ticks is None or judged is None:
                return Refused("would_cross", "a post-only order would take liquidity")
        assert judged is not None
        if not reduce_only and not self._margin.fits(holding, sign, lots, judged):
            return Refused("insufficient_margin", f"initial margin is lacking for {lots * contract.lot}")
        order = self._matching.new_order(
            holding, side, lots, ticks, kind, time_in_force, post_only, reduce_only, client_id
        )
        self._matching.run(order, holding, ticks)
        return order

    def edit(
        self,
        account_name: str,
        order_id: str,
        quantity: Decimal | None,
        price: Decimal | None,
        valid_until_ns: int,
        post_only: bool | None,
        reduce_only: bool | None,
    ) -> Order | Refused:
        """Change an open order."""
        found = self.open_order(account_name, order_id)
        if isinstance(found, Refused):
            return found
        order, holding = found.order, found.holding
        contract = holding.contract
        if valid_until_ns and self._state.now_ns > valid_until_ns:
            return Refused("expired", "the edit came after its validity")
        lots = order.lots if quantity is None else _on_grid(quantity, contract.lot)
        if lots <= 0:
            return Refused(
                "bad_quantity", f"quantity {quantity} is not a positive multiple of {contract.lot}"
            )
        ticks = order.ticks if price is None else _on_grid(price, contract.tick)
        if ticks <= 0:
            return Refused("bad_price", f"price {price} is not a positive multiple of {contract.tick}")
        if reduce_only is not None and reduce_only != order.reduce_only:
            return Refused("reduce_only", "an order stays reduce-only, or not, for life")
        if lots <= order.filled_lots:
            return self._matching.cancel_now(found, "user")
        if ticks == order.ticks and lots == order.lots:
            return order
        if ticks == order.ticks and lots < order.lots:
            self._matching.shrink(found, lots)
            self._state.tell_book(contract)
            return order
        sign = 1 if order.side == "buy" else -1
        is_passive = order.post_only if post_only is None else post_only
        if is_passive and self._passive(contract, sign, ticks, False) is None:
            return Refused("would_cross", "a post-only order would take liquidity")
        more = lots - order.filled_lots
        if order.reduce_only:
            more = min(more, self._reducible(holding, order.side, more))
        elif not self._fits_instead(holding, found, sign, more, ticks):
            return Refused("insufficient_margin", f"initial margin is lacking for {lots * contract.lot}")
        order.post_only = is_passive
        self._matching.requeue(found, order.filled_lots + more, ticks)
        return order

    def open_order(self, account_name: str, order_id: str) -> Resting | Refused:
        """Return an open order, or why there is none."""
        account = self._state.accounts.get(account_name)
        if account is None:
            return Refused("unknown_account", f"there is no account {account_name}")
        found = account.orders.get(order_id)
        if found is not None:
            return found
        if order_id in account.ended:
            return Refused("order_closed", f"order {order_id} is no longer open")
        return Refused("unknown_order", f"there is no order {order_id}")

    def _reducible(self, holding: Holding, side: Side, lots: int) -> int:
        held = holding.lots
        return min(lots, abs(held)) if held and (held > 0) == (side == "sell") else 0

    def _market_ticks(self, contract: Contract, sign: int) -> int | None:
        """Return the worst price of a market order, or None where nothing rests within it."""
        side = contract.asks if sign > 0 else contract.bids
        if not side.keys:
            return None
        reach = contract.mark
        if contract.is_option:
            index = self._state.index(contract.base)
            reach = 1.0 if contract.listing.inverse else index
        bound = contract.mark + sign * self._state.settings.market_bound * reach
        ticks = max(int(bound / contract.tick_size), 1)
        return ticks if side.keys[-1] >= side.sign * ticks else None

    def _passive(self, contract: Contract, sign: int, ticks: int, slide: bool) -> int | None:
        """Return the price at which a post-only order rests, or None where it would take."""
        side = contract.asks if sign > 0 else contract.bids
        if not side.keys or side.keys[-1] < side.sign * ticks:
            return ticks
        slid = abs(side.keys[-1]) - sign
        return slid if slide and slid > 0 else None

    def _fits_instead(self, holding: Holding, found: Resting, sign: int, lots: int, ticks: int) -> bool:
        order = found.order
        holding.ask(sign, -found.left, order.ticks)
        pool = holding.account.pool(holding.contract.settle)
        pool.is_fresh = False
        fits = self._margin.fits(holding, sign, lots, ticks)
        holding.ask(sign, found.left, order.ticks)
        pool.is_fresh = False
        return fits


def _on_grid(value: Decimal, step: Decimal) -> int:
    """Return how many steps a value is, -1 where it is not on the grid."""
    if not value.is_finite():
        return -1
    count, rest = divmod(value, step)
    return -1 if rest else int(count)
