"""Deribit's account methods: positions, summaries and transfers between the accounts of one owner."""

from typing import Any, Final

from holdfast.lab.world.answer import Credential
from holdfast.lab.world.deribit import account_shapes as shapes
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.market_shapes import ms, tidy
from holdfast.lab.world.deribit.visit import Method, Visit, is_of, refuse
from holdfast.lab.world.exchange import Refused

Json = Any


def _get_positions(visit: Visit) -> Json:
    currency, kind = visit.text("currency", "any"), visit.text("kind", "any")
    return [
        shapes.position(visit.exchange, it)
        for it in visit.exchange.positions(visit.account)
        if is_of(visit.exchange.listings[it.instrument], currency, kind)
    ]


def _get_position(visit: Visit) -> Json:
    account, listing = visit.account, visit.listing()
    held = visit.exchange.position(account, listing.symbol)
    if held is None or not held.quantity:
        return shapes.flat(visit.exchange, listing.symbol)
    return shapes.position(visit.exchange, held)


def _get_account_summary(visit: Visit) -> Json:
    currency = visit.text("currency").upper()
    if currency not in _currencies(visit):
        raise rpc.invalid("currency", "unknown currency")
    return _summary(visit, currency) | (_identity(visit) if rpc.flag_of(visit.params, "extended") else {})


def _get_account_summaries(visit: Visit) -> Json:
    account = visit.account
    held = {it.asset for it in visit.exchange.balances(account)} | set(_currencies(visit))
    return _identity(visit) | {"summaries": [_summary(visit, currency) for currency in sorted(held)]}


def _get_subaccounts(visit: Visit) -> Json:
    visit.account  # noqa: B018 - refuses who is nobody
    return [
        {
            "username": credential.account,
            "type": "main" if place == 0 else "subaccount",
            "system_name": credential.account,
            "security_keys_enabled": False,
            "security_keys_assignments": [],
            "receive_notifications": False,
            "login_enabled": place == 0,
            "is_password": True,
            "id": credential.number,
            "email": f"{credential.account}@example.com",
        }
        for place, credential in enumerate(_owners(visit).values())
    ]


def _submit_transfer(visit: Visit) -> Json:
    source = visit.account
    numbers = {credential.number: credential.account for credential in visit.server.access.by_key.values()}
    if "source" in visit.params:
        source = numbers.get(rpc.whole_of(visit.params, "source", 0), "")
    target = numbers.get(rpc.whole_of(visit.params, "destination", 0), "")
    if not source or not target or source == target:
        raise rpc.Rejection(
            rpc.TRANSFER_NOT_ALLOWED, "transfer_not_allowed", {"reason": "no such subaccount"}
        )
    amount = rpc.number_of(visit.params, "amount")
    if amount is None or amount <= 0:
        raise rpc.invalid("amount", "must be positive")
    nonce = visit.text("nonce", "")
    if nonce and any(it.nonce == nonce for it in visit.exchange.transfers(source)):
        raise rpc.Rejection(
            rpc.TRANSFER_NOT_ALLOWED, "transfer_not_allowed", {"reason": "duplicate nonce", "param": "nonce"}
        )
    moved = visit.exchange.transfer(source, target, visit.text("currency").upper(), amount, nonce)
    if isinstance(moved, Refused):
        raise refuse(moved)
    return shapes.transfer(moved, source, _numbers(visit), visit.offset_ns)


def _get_transfers(visit: Visit) -> Json:
    account, currency = visit.account, visit.text("currency").upper()
    count, offset = rpc.whole_of(visit.params, "count", 10), rpc.whole_of(visit.params, "offset", 0)
    found = [it for it in visit.exchange.transfers(account) if it.asset == currency][::-1]
    numbers = _numbers(visit)
    shown = [shapes.transfer(it, account, numbers, visit.offset_ns) for it in found[offset : offset + count]]
    return {"count": len(found), "data": shown}


def _owners(visit: Visit) -> dict[str, Credential]:
    """Return the first key of each account."""
    owners: dict[str, Credential] = {}
    for credential in visit.server.access.by_key.values():
        owners.setdefault(credential.account, credential)
    return owners


def _numbers(visit: Visit) -> dict[str, int]:
    return {it.account: it.number for it in visit.server.access.by_key.values()}


def _currencies(visit: Visit) -> list[str]:
    return sorted({listing.settle for listing in visit.exchange.listings.values()})


def _summary(visit: Visit, currency: str) -> Json:
    limits = visit.server.limits
    balance = visit.exchange.balance(visit.account, currency)
    equity = float(balance.equity)
    return shapes.portfolio(visit.exchange, visit.account, balance) | {
        "estimated_liquidation_ratio": tidy(float(balance.maintenance_margin) / equity)
        if equity > 0
        else 0.0,
        "estimated_liquidation_ratio_map": {},
        "limits": {
            "matching_engine": {
                "trading": {"total": {"burst": limits.matching_burst, "rate": limits.matching_rate}},
                "cancel_all": {"burst": limits.matching_burst, "rate": limits.matching_rate},
            },
            "non_matching_engine": {"burst": limits.other_burst, "rate": limits.other_rate},
            "limits_per_currency": False,
        },
        "fees": _fees(visit, currency),
        "deposit_address": "",
        "spot_reserve": 0.0,
        "locked_balance": 0.0,
    }


def _fees(visit: Visit, currency: str) -> Json:
    kinds = {it.kind: it for it in visit.exchange.listings.values() if it.settle == currency}
    return [
        {
            "currency": currency,
            "instrument_type": kind,
            "fee_type": "relative",
            "maker_fee": float(it.maker_fee),
            "taker_fee": float(it.taker_fee),
        }
        for kind, it in kinds.items()
    ]


def _identity(visit: Visit) -> Json:
    assert visit.credential is not None
    account = visit.account
    return {
        "id": visit.credential.number,
        "username": account,
        "system_name": account,
        "email": f"{account}@example.com",
        "type": "main"
        if visit.credential is next(iter(visit.server.access.by_key.values()))
        else "subaccount",
        "creation_timestamp": ms(visit.server.start_ns),
        "login_enabled": True,
        "mmp_enabled": False,
        "interuser_transfers_enabled": False,
        "self_trading_reject_mode": "cancel_maker",
        "self_trading_extended_to_subaccounts": "false",
    }


TRANSFERS: Final[dict[str, Method]] = {
    "private/submit_transfer_between_subaccounts": _submit_transfer,
    "private/submit_transfer_to_subaccount": _submit_transfer,
}

ACCOUNT: Final[dict[str, Method]] = {
    "private/get_positions": _get_positions,
    "private/get_position": _get_position,
    "private/get_account_summary": _get_account_summary,
    "private/get_account_summaries": _get_account_summaries,
    "private/get_subaccounts": _get_subaccounts,
    "private/get_transfers": _get_transfers,
}
