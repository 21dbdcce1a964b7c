"""What Deribit shows of an account: orders, executions, positions, summaries and transfers, as JSON."""

from typing import Any, Final

from holdfast.lab.world.deribit.market_shapes import kind_of, mark_of, ms, tidy, trade_name
from holdfast.lab.world.exchange import Balance, Exchange, Fill, Order, Position, Transfer

Json = dict[str, Any]

_TIMES: Final = {"gtc": "good_til_cancelled", "ioc": "immediate_or_cancel", "fok": "fill_or_kill"}
_STATES: Final = {"expired": "cancelled"}
_CANCEL_REASONS: Final = {
    "user": "user_request",
    "immediate": "immediate_or_cancel",
    "dead_man": "cancel_on_disconnect",
    "liquidation": "autoliquidation",
    "expiry": "settlement",
    "reduce_only": "reduce_only",
    "self_trade": "self_trade_rejection",
}
CURRENCIES: Final = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "USDC": "USD Coin",
    "USDT": "Tether USD",
}


def order_name(exchange: Exchange, order_id: str, instrument: str) -> str:
    """Return an order's id as the venue spells it."""
    return f"{exchange.listings[instrument].settle}-{order_id}"


def order(exchange: Exchange, it: Order, offset_ns: int) -> Json:
    """Return an order. `offset_ns` is the venue's clock less the world's."""
    listing = exchange.listings[it.instrument]
    bound = exchange.settings.market_bound * (1 if it.side == "buy" else -1)
    price = (
        float(it.price)
        if it.price is not None
        else mark_of(listing, exchange.mark(it.instrument) * (1 + bound))
    )
    shown: Json = {
        "web": False,
        "time_in_force": _TIMES[it.time_in_force],
        "risk_reducing": False,
        "replaced": it.is_edited,
        "reject_post_only": it.post_only,
        "reduce_only": it.reduce_only,
        "price": price,
        "post_only": it.post_only,
        "order_type": it.kind if it.kind != "liquidation" else "limit",
        "order_state": _STATES.get(it.state, it.state),
        "order_id": order_name(exchange, it.order_id, it.instrument),
        "mmp": False,
        "max_show": float(it.quantity),
        "last_update_timestamp": ms(it.updated_ns + offset_ns),
        "label": it.client_id,
        "is_rebalance": False,
        "is_liquidation": it.kind == "liquidation",
        "instrument_name": it.instrument,
        "filled_amount": float(it.filled),
        "direction": it.side,
        "creation_timestamp": ms(it.created_ns + offset_ns),
        "contracts": float(it.quantity / listing.contract_size),
        "commission": tidy(float(it.fee)),
        "average_price": tidy(float(it.average_price or 0)),
        "api": True,
        "amount": float(it.quantity),
    }
    if it.state in ("cancelled", "expired"):
        shown["cancel_reason"] = _CANCEL_REASONS.get(it.reason, "other")
    return shown


def fill(exchange: Exchange, it: Fill, source: Order | None, offset_ns: int) -> Json:
    """Return an execution. `source` is its order, where it is still known."""
    listing = exchange.listings[it.instrument]
    shown: Json = {
        "trade_seq": it.trade_sequence,
        "trade_id": trade_name(listing, it.trade_id),
        "timestamp": ms(it.time_ns + offset_ns),
        "tick_direction": 0 if it.side == "buy" else 2,
        "state": _STATES.get(it.order_state, it.order_state),
        "self_trade": False,
        "risk_reducing": False,
        "reduce_only": source.reduce_only if source else False,
        "profit_loss": tidy(float(it.realised)),
        "price": float(it.price),
        "post_only": source.post_only if source else False,
        "order_type": "liquidation" if it.liquidation else source.kind if source else "limit",
        "order_id": order_name(exchange, it.order_id, it.instrument),
        "mmp": False,
        "matching_id": None,
        "mark_price": mark_of(listing, it.mark),
        "liquidity": "M" if it.maker else "T",
        "label": it.client_id,
        "instrument_name": it.instrument,
        "index_price": round(it.index, 2),
        "fee_currency": it.fee_asset,
        "fee": tidy(float(it.fee)),
        "direction": it.side,
        "contracts": float(it.quantity / listing.contract_size),
        "api": True,
        "amount": float(it.quantity),
    }
    if it.liquidation:
        shown["liquidation"] = "M" if it.maker else "T"
    return shown


def position(exchange: Exchange, it: Position) -> Json:
    """Return a position; size is signed, in the instrument's amounts."""
    listing = exchange.listings[it.instrument]
    shown: Json = {
        "total_profit_loss": tidy(it.unrealised),
        "size": float(it.quantity),
        "settlement_price": mark_of(listing, it.mark),
        "realized_profit_loss": tidy(it.realised),
        "open_orders_margin": tidy(it.open_orders_margin),
        "mark_price": mark_of(listing, it.mark),
        "maintenance_margin": tidy(it.maintenance_margin),
        "leverage": round(it.leverage),
        "kind": kind_of(listing),
        "instrument_name": it.instrument,
        "initial_margin": tidy(it.initial_margin),
        "index_price": round(it.index, 2),
        "floating_profit_loss": tidy(it.unrealised),
        "direction": "buy" if it.quantity > 0 else "sell" if it.quantity < 0 else "zero",
        "delta": tidy(it.delta),
        "average_price": tidy(it.entry_price),
    }
    if listing.kind == "option":
        index = it.index
        shown |= {
            "vega": tidy(it.vega),
            "theta": tidy(it.theta),
            "gamma": tidy(it.gamma),
            "floating_profit_loss_usd": tidy(it.unrealised * index),
            "average_price_usd": tidy(it.entry_price * index),
        }
    else:
        size = tidy(it.value) if it.quantity >= 0 else -tidy(it.value)
        shown |= {
            "size_currency": size if listing.inverse else float(it.quantity),
            "realized_funding": tidy(it.funding),
            "interest_value": 0.0,
            "estimated_liquidation_price": tidy(it.liquidation_price) or None,
        }
    return shown


def flat(exchange: Exchange, instrument: str) -> Json:
    """Return the position of an instrument that was never held."""
    listing = exchange.listings[instrument]
    mark = mark_of(listing, exchange.mark(instrument))
    names = (
        "total_profit_loss", "size", "realized_profit_loss", "open_orders_margin", "maintenance_margin",
        "initial_margin", "floating_profit_loss", "delta", "average_price", "size_currency",
    )  # fmt: skip
    return dict.fromkeys(names, 0.0) | {
        "settlement_price": mark,
        "mark_price": mark,
        "leverage": int(1 / listing.initial_margin),
        "kind": kind_of(listing),
        "instrument_name": instrument,
        "index_price": round(exchange.index(listing.base), 2),
        "direction": "zero",
    }


def portfolio(exchange: Exchange, account: str, balance: Balance) -> Json:
    """Return what `user.portfolio` and the account summary share."""
    currency = balance.asset
    held = [
        (exchange.listings[it.instrument].kind, it)
        for it in exchange.positions(account)
        if exchange.listings[it.instrument].settle == currency
    ]
    options = [it for kind, it in held if kind == "option"]
    futures = [it for kind, it in held if kind != "option"]
    funds = float(balance.available)
    return {
        "currency": currency,
        "balance": tidy(float(balance.amount)),
        "equity": tidy(float(balance.equity)),
        "available_funds": tidy(funds),
        "available_withdrawal_funds": tidy(max(min(funds, float(balance.amount)), 0.0)),
        "margin_balance": tidy(float(balance.equity - balance.options_value)),
        "initial_margin": tidy(float(balance.initial_margin)),
        "maintenance_margin": tidy(float(balance.maintenance_margin)),
        "projected_initial_margin": tidy(float(balance.initial_margin)),
        "projected_maintenance_margin": tidy(float(balance.maintenance_margin)),
        "projected_delta_total": tidy(balance.delta),
        "delta_total": tidy(balance.delta),
        "delta_total_map": _deltas(exchange, [it for _, it in held]),
        "total_pl": tidy(float(balance.unrealised)),
        "session_upl": tidy(float(balance.unrealised)),
        "session_rpl": tidy(sum(it.realised for _, it in held)),
        "session_funding": tidy(sum(it.funding for _, it in held)),
        "futures_pl": tidy(sum(it.unrealised for it in futures)),
        "futures_session_upl": tidy(sum(it.unrealised for it in futures)),
        "futures_session_rpl": tidy(sum(it.realised for it in futures)),
        "options_value": tidy(float(balance.options_value)),
        "options_pl": tidy(sum(it.unrealised for it in options)),
        "options_session_upl": tidy(sum(it.unrealised for it in options)),
        "options_session_rpl": tidy(sum(it.realised for it in options)),
        "options_delta": tidy(sum(it.delta for it in options)),
        "options_gamma": tidy(sum(it.gamma for it in options)),
        "options_vega": tidy(sum(it.vega for it in options)),
        "options_theta": tidy(sum(it.theta for it in options)),
        "fee_balance": 0.0,
        "portfolio_margining_enabled": balance.portfolio_margin,
        "margin_model": "segregated_pm" if balance.portfolio_margin else "segregated_sm",
        "cross_collateral_enabled": False,
    }


def transfer(it: Transfer, account: str, names: dict[str, int], offset_ns: int) -> Json:
    """Return a transfer as the account sees it; `names` gives the numbers of accounts."""
    outward = it.source == account
    other = it.target if outward else it.source
    shown: Json = {
        "updated_timestamp": ms(it.time_ns + offset_ns),
        "type": "subaccount",
        "state": "confirmed",
        "other_side": other,
        "id": it.transfer_id,
        "direction": "payment" if outward else "income",
        "currency": it.asset,
        "created_timestamp": ms(it.time_ns + offset_ns),
        "amount": float(it.amount),
        "other_id": names.get(other, 0),
    }
    if it.nonce:
        shown["nonce"] = it.nonce
    return shown


def _deltas(exchange: Exchange, held: list[Position]) -> dict[str, float]:
    deltas: dict[str, float] = {}
    for it in held:
        base = exchange.listings[it.instrument].base.lower()
        name = f"{base}_usd" if exchange.listings[it.instrument].inverse else f"{base}_usdc"
        deltas[name] = tidy(deltas.get(name, 0.0) + it.delta)
    return deltas
