"""What Binance shows of an account, as JSON: orders, executions, positions, balances."""

from decimal import Decimal
from typing import Any, Final

from holdfast.lab.world.binance.reply import money, ms, on_grid
from holdfast.lab.world.exchange import Balance, Exchange, Fill, Listing, Order, Position

Json = dict[str, Any]

_EXPIRED: Final = frozenset(("immediate", "expiry", "liquidation", "self_trade", "reduce_only"))
BRACKET_NOTIONAL: Final = 100_000_000


def status(it: Order) -> str:
    """Return where an order stands, in the venue's words."""
    if it.state == "open":
        return "PARTIALLY_FILLED" if it.filled_lots else "NEW"
    if it.state == "filled":
        return "FILLED"
    if it.state == "rejected":
        return "REJECTED"
    return "EXPIRED" if it.state == "expired" or it.reason in _EXPIRED else "CANCELED"


def time_in_force(it: Order) -> str:
    """Return an order's time in force; a post-only order is GTX."""
    return "GTX" if it.post_only else it.time_in_force.upper()


def kind(it: Order) -> str:
    """Return an order's type."""
    return "MARKET" if it.kind == "market" else "LIMIT"


def order(listing: Listing, it: Order, offset_ns: int) -> Json:
    """Return an order."""
    tick, lot = listing.tick, listing.lot
    average = it.average_price or Decimal(0)
    return {
        "orderId": it.sequence,
        "symbol": it.instrument,
        "status": status(it),
        "clientOrderId": it.client_id,
        "price": on_grid(it.price or Decimal(0), tick),
        "avgPrice": money(average, 5),
        "origQty": on_grid(it.quantity, lot),
        "executedQty": on_grid(it.filled, lot),
        "cumQty": on_grid(it.filled, lot),
        "cumQuote": money(it.filled * average, 5),
        "timeInForce": time_in_force(it),
        "type": kind(it),
        "reduceOnly": it.reduce_only,
        "closePosition": False,
        "side": it.side.upper(),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": kind(it),
        "priceMatch": "NONE",
        "selfTradePreventionMode": "NONE",
        "goodTillDate": 0,
        "time": ms(it.created_ns + offset_ns),
        "updateTime": ms(it.updated_ns + offset_ns),
    }


def fill(listing: Listing, it: Fill, offset_ns: int) -> Json:
    """Return an execution, as `userTrades` lists it."""
    return {
        "symbol": it.instrument,
        "id": it.trade_sequence,
        "orderId": int(it.order_id),
        "side": it.side.upper(),
        "price": on_grid(it.price, listing.tick),
        "qty": on_grid(it.quantity, listing.lot),
        "realizedPnl": money(it.realised),
        "quoteQty": money(it.price * it.quantity),
        "commission": money(it.fee),
        "commissionAsset": it.fee_asset,
        "time": ms(it.time_ns + offset_ns),
        "positionSide": "BOTH",
        "buyer": it.side == "buy",
        "maker": it.maker,
    }


def position(exchange: Exchange, account: str, listing: Listing, it: Position | None, offset_ns: int) -> Json:
    """Return a position as `positionRisk` (v3) has it."""
    notional = _signed(it.value, it.quantity) if it else 0.0
    isolated = exchange.is_isolated(account, listing.symbol)
    margin = it.isolated_margin if it else 0.0
    return {
        "symbol": listing.symbol,
        "positionSide": "BOTH",
        "positionAmt": on_grid(it.quantity if it else Decimal(0), listing.lot),
        "entryPrice": money(it.entry_price if it else 0.0),
        "breakEvenPrice": money(it.entry_price if it else 0.0),
        "markPrice": money(exchange.mark(listing.symbol)),
        "unRealizedProfit": money(it.unrealised if it else 0.0),
        "liquidationPrice": money(it.liquidation_price) if it and it.liquidation_price else "0",
        "isolatedMargin": money(margin + (it.unrealised if it else 0.0)) if isolated else "0",
        "notional": money(notional),
        "marginAsset": listing.settle,
        "isolatedWallet": money(margin) if isolated else "0",
        "initialMargin": money(it.initial_margin + it.open_orders_margin if it else 0.0),
        "maintMargin": money(it.maintenance_margin if it else 0.0),
        "positionInitialMargin": money(it.initial_margin if it else 0.0),
        "openOrderInitialMargin": money(it.open_orders_margin if it else 0.0),
        "adl": 1 if it and it.quantity else 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": ms(it.updated_ns + offset_ns) if it and it.updated_ns else 0,
    }


def position_v2(
    exchange: Exchange, account: str, listing: Listing, it: Position | None, offset_ns: int
) -> Json:
    """Return a position as `positionRisk` (v2) has it."""
    shown = position(exchange, account, listing, it, offset_ns)
    kept = (
        "symbol", "positionSide", "positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit",
        "liquidationPrice", "isolatedMargin", "notional", "isolatedWallet", "updateTime",
    )  # fmt: skip
    isolated = exchange.is_isolated(account, listing.symbol)
    return {name: shown[name] for name in kept} | {
        "leverage": str(int(exchange.leverage(account, listing.symbol))),
        "maxNotionalValue": str(BRACKET_NOTIONAL),
        "marginType": "isolated" if isolated else "cross",
        "isAutoAddMargin": "false",
        "isolated": isolated,
        "adlQuantile": shown["adl"],
    }


def account_position(
    exchange: Exchange, account: str, listing: Listing, it: Position | None, offset_ns: int
) -> Json:
    """Return a position as `account` lists it."""
    shown = position(exchange, account, listing, it, offset_ns)
    isolated = exchange.is_isolated(account, listing.symbol)
    kept = (
        "symbol", "positionSide", "positionAmt", "initialMargin", "maintMargin", "positionInitialMargin",
        "openOrderInitialMargin", "entryPrice", "breakEvenPrice", "notional", "isolatedMargin", "isolatedWallet",
        "bidNotional", "askNotional", "updateTime",
    )  # fmt: skip
    return {name: shown[name] for name in kept} | {
        "unrealizedProfit": shown["unRealizedProfit"],
        "leverage": str(int(exchange.leverage(account, listing.symbol))),
        "isolated": isolated,
        "maxNotional": str(BRACKET_NOTIONAL),
    }


def asset(it: Balance, open_orders_margin: float) -> Json:
    """Return an asset as `account` lists it."""
    margin = float(it.initial_margin)
    return {
        "asset": it.asset,
        "walletBalance": money(it.amount),
        "unrealizedProfit": money(it.unrealised),
        "marginBalance": money(it.amount + it.unrealised),
        "maintMargin": money(it.maintenance_margin),
        "initialMargin": money(margin),
        "positionInitialMargin": money(max(margin - open_orders_margin, 0.0)),
        "openOrderInitialMargin": money(open_orders_margin),
        "crossWalletBalance": money(it.amount - it.isolated_margin),
        "crossUnPnl": money(it.unrealised),
        "availableBalance": money(max(it.available, Decimal(0))),
        "maxWithdrawAmount": money(max(min(it.available, it.amount), Decimal(0))),
        "marginAvailable": True,
        "updateTime": 0,
    }


def balance(it: Balance, account_alias: str) -> Json:
    """Return an asset as `balance` lists it."""
    return {
        "accountAlias": account_alias,
        "asset": it.asset,
        "balance": money(it.amount),
        "crossWalletBalance": money(it.amount - it.isolated_margin),
        "crossUnPnl": money(it.unrealised),
        "availableBalance": money(max(it.available, Decimal(0))),
        "maxWithdrawAmount": money(max(min(it.available, it.amount), Decimal(0))),
        "marginAvailable": True,
        "updateTime": 0,
    }


def bracket(listing: Listing) -> Json:
    """Return the one leverage bracket of an instrument."""
    return {
        "symbol": listing.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": int(1 / listing.initial_margin),
                "notionalCap": BRACKET_NOTIONAL,
                "notionalFloor": 0,
                "maintMarginRatio": float(listing.maintenance_margin),
                "cum": 0.0,
            }
        ],
    }


def _signed(value: float, quantity: Decimal) -> float:
    return value if quantity >= 0 else -value
