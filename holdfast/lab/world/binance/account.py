"""Binance's account endpoints: positions, balances, leverage, margin, transfers, listen keys.

1. One-way mode only; one bracket of leverage an instrument.
2. `asset/transfer` moves between an account's futures and its spot wallet (the account `<name>/spot`), `universalTransfer`
   between accounts; a `clientTranId` that was used is refused.
"""

from decimal import Decimal
from typing import Any, Final

from holdfast.lab.world.binance import account_shapes as shapes
from holdfast.lab.world.binance import reply
from holdfast.lab.world.binance.request import Endpoint, Endpoints, Request, by_symbol, weighing
from holdfast.lab.world.exchange import Refused, Transfer

_SPOT: Final = "/spot"
_DONE: Final = {"code": 200, "msg": "success"}

Json = Any


def spot_wallet(account: str) -> str:
    """Return the name of an account's spot wallet."""
    return account + _SPOT


def _position_risk(request: Request) -> Json:
    account, exchange = request.account, request.exchange
    shown: list[Json] = []
    for listing in request.listings():
        held = exchange.position(account, listing.symbol)
        if (held and held.quantity) or exchange.open_orders(account, listing.symbol):
            shown.append(shapes.position(exchange, account, listing, held, request.offset_ns))
    return shown


def _position_risk_v2(request: Request) -> Json:
    account, exchange = request.account, request.exchange
    return [
        shapes.position_v2(
            exchange, account, listing, exchange.position(account, listing.symbol), request.offset_ns
        )
        for listing in request.listings()
    ]


def _account(request: Request, with_all: bool) -> Json:
    account, exchange = request.account, request.exchange
    positions: list[Json] = []
    resting = 0.0
    for listing in exchange.listings.values():
        held = exchange.position(account, listing.symbol)
        resting += held.open_orders_margin if held else 0.0
        if with_all or (held and held.quantity) or exchange.open_orders(account, listing.symbol):
            positions.append(shapes.account_position(exchange, account, listing, held, request.offset_ns))
    settles = sorted({listing.settle for listing in exchange.listings.values()})
    assets = [shapes.asset(exchange.balance(account, asset), resting) for asset in settles]
    totals = {
        "totalInitialMargin": "initialMargin",
        "totalMaintMargin": "maintMargin",
        "totalWalletBalance": "walletBalance",
        "totalUnrealizedProfit": "unrealizedProfit",
        "totalMarginBalance": "marginBalance",
        "totalPositionInitialMargin": "positionInitialMargin",
        "totalOpenOrderInitialMargin": "openOrderInitialMargin",
        "totalCrossWalletBalance": "crossWalletBalance",
        "totalCrossUnPnl": "crossUnPnl",
        "availableBalance": "availableBalance",
        "maxWithdrawAmount": "maxWithdrawAmount",
    }
    return {
        **{name: reply.money(sum(Decimal(it[part]) for it in assets)) for name, part in totals.items()},
        "assets": assets,
        "positions": positions,
    }


def _account_v3(request: Request) -> Json:
    return _account(request, with_all=False)


def _account_v2(request: Request) -> Json:
    switches = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "updateTime": 0}
    return switches | {"multiAssetsMargin": False, "tradeGroupId": -1} | _account(request, with_all=True)


def _balance(request: Request) -> Json:
    account = request.account
    settles = sorted({listing.settle for listing in request.exchange.listings.values()})
    return [shapes.balance(request.exchange.balance(account, asset), account) for asset in settles]


def _set_leverage(request: Request) -> Json:
    listing = request.listing()
    reply.needed(request.params, "leverage")
    leverage = reply.whole(request.params, "leverage", 0)
    done = request.exchange.set_leverage(request.account, listing.symbol, Decimal(leverage))
    if isinstance(done, Refused):
        raise reply.Refusal(-4028, f"Leverage {leverage} is not valid")
    return {"symbol": listing.symbol, "leverage": leverage, "maxNotionalValue": str(shapes.BRACKET_NOTIONAL)}


def _set_margin_type(request: Request) -> Json:
    listing, account = request.listing(), request.account
    margin_type = reply.needed(request.params, "marginType").upper()
    if margin_type not in ("ISOLATED", "CROSSED"):
        raise reply.bad("marginType")
    isolated = margin_type == "ISOLATED"
    if request.exchange.is_isolated(account, listing.symbol) == isolated:
        raise reply.Refusal(-4046, "No need to change margin type.")
    refused = request.exchange.set_isolated(account, listing.symbol, isolated)
    if refused is not None:
        if request.exchange.open_orders(account, listing.symbol):
            raise reply.Refusal(-4047, "Margin type cannot be changed if there exists open orders.")
        raise reply.refuse(refused)
    return _DONE


def _position_margin(request: Request) -> Json:
    listing = request.listing()
    reply.needed(request.params, "amount")
    amount = reply.number(request.params, "amount") or Decimal(0)
    kind = reply.whole(request.params, "type", 1)
    refused = request.exchange.add_margin(request.account, listing.symbol, amount if kind == 1 else -amount)
    if refused is not None:
        raise reply.refuse(refused)
    done = {"amount": float(amount), "code": 200, "type": kind}
    return done | {"msg": "Successfully modify position margin."}


def _position_mode(_request: Request) -> Json:
    return {"dualSidePosition": False}


def _set_position_mode(request: Request) -> Json:
    if reply.flag(request.params, "dualSidePosition"):
        raise reply.Refusal(-4084, "Method is not allowed currently. Coming soon.")
    raise reply.Refusal(-4059, "No need to change position side.")


def _assets_mode(_request: Request) -> Json:
    return {"multiAssetsMargin": False}


def _commission_rate(request: Request) -> Json:
    listing = request.listing()
    return {
        "symbol": listing.symbol,
        "makerCommissionRate": str(listing.maker_fee),
        "takerCommissionRate": str(listing.taker_fee),
    }


def _brackets(request: Request) -> Json:
    return [shapes.bracket(listing) for listing in request.listings()]


def _symbol_config(request: Request) -> Json:
    account, exchange = request.account, request.exchange
    return [
        {
            "symbol": listing.symbol,
            "marginType": "ISOLATED" if exchange.is_isolated(account, listing.symbol) else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": int(exchange.leverage(account, listing.symbol)),
            "maxNotionalValue": str(shapes.BRACKET_NOTIONAL),
        }
        for listing in request.listings()
    ]


def _coins(request: Request) -> Json:
    listings = request.exchange.listings.values()
    names = sorted({it.base for it in listings} | {it.settle for it in listings})
    return [
        {
            "coin": name,
            "name": name,
            "depositAllEnable": True,
            "withdrawAllEnable": True,
            "free": "0",
            "locked": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for name in names
    ]


def _no_pairs(_request: Request) -> Json:
    return []  # nothing is traded on margin here


def _transfer_own(request: Request) -> Json:
    account, spot = request.account, spot_wallet(request.account)
    kind = reply.needed(request.params, "type")
    ends = {"UMFUTURE_MAIN": (account, spot), "MAIN_UMFUTURE": (spot, account)}.get(kind)
    if ends is None:
        raise reply.bad("type")
    return {"tranId": _move(request, *ends).transfer_id}


def _transfer_between(request: Request) -> Json:
    account, params = request.account, request.params
    source, target = params.get("fromEmail") or account, params.get("toEmail") or account
    for email, kind in ((source, "fromAccountType"), (target, "toAccountType")):
        if _named(request, email) is None:
            raise reply.Refusal(
                -12014, "More than 1 request in 2 seconds." if not email else "Invalid account."
            )
        if reply.needed(params, kind) not in ("USDT_FUTURE", "SPOT"):
            raise reply.bad(kind)
    moved = _move(
        request,
        _wallet(_named(request, source) or "", params["fromAccountType"]),
        _wallet(_named(request, target) or "", params["toAccountType"]),
    )
    return {"tranId": moved.transfer_id, "clientTranId": moved.nonce}


def _transfers(request: Request) -> Json:
    wanted = request.params.get("clientTranId", "")
    found = request.exchange.transfers(request.account)
    rows = [
        {
            "tranId": it.transfer_id,
            "fromEmail": it.source.removesuffix(_SPOT),
            "toEmail": it.target.removesuffix(_SPOT),
            "asset": it.asset,
            "amount": f"{it.amount:f}",
            "createTimeStamp": reply.ms(it.time_ns + request.offset_ns),
            "fromAccountType": "SPOT" if it.source.endswith(_SPOT) else "USDT_FUTURE",
            "toAccountType": "SPOT" if it.target.endswith(_SPOT) else "USDT_FUTURE",
            "status": "SUCCESS",
            "clientTranId": it.nonce,
        }
        for it in found
        if not wanted or it.nonce == wanted
    ]
    return {"result": rows, "totalCount": len(rows)}


def _move(request: Request, source: str, target: str) -> Transfer:
    params = request.params
    reply.needed(params, "amount")
    amount = reply.number(params, "amount") or Decimal(0)
    nonce = params.get("clientTranId", "")
    if nonce and any(it.nonce == nonce for it in request.exchange.transfers(source)):
        raise reply.Refusal(-4116, "clientTranId is duplicated")
    moved = request.exchange.transfer(source, target, reply.needed(params, "asset"), amount, nonce)
    if isinstance(moved, Refused):
        raise (
            reply.Refusal(-9000, "user have no avaliable amount")
            if moved.code == "insufficient_funds"
            else (reply.refuse(moved))
        )
    return moved


def _named(request: Request, email: str) -> str | None:
    """Return the account that an e-mail address (or the account's bare name) stands for."""
    name = email.partition("@")[0]
    owners = {it.account for it in request.server.signing.by_key.values()}
    return name if name in owners else None


def _wallet(account: str, kind: str) -> str:
    return spot_wallet(account) if kind == "SPOT" else account


def _open_listen_key(request: Request) -> Json:
    return {"listenKey": request.server.listen_keys.open(request.account, request.now_ns)}


def _keep_listen_key(request: Request) -> Json:
    key = request.server.listen_keys.keep(request.account, request.now_ns)
    if key is None:
        raise reply.Refusal(reply.INVALID_LISTEN_KEY, "This listenKey does not exist.")
    return {"listenKey": key}


def _close_listen_key(request: Request) -> Json:
    request.server.listen_keys.close(request.account)
    return {}


_V1: Final = "/fapi/v1/"
_V2: Final = "/fapi/v2/"
_V3: Final = "/fapi/v3/"

ACCOUNT: Final[Endpoints] = {
    ("GET", _V2 + "positionRisk"): Endpoint(_position_risk_v2, weighing(5), "signed"),
    ("GET", _V3 + "positionRisk"): Endpoint(_position_risk, weighing(5), "signed"),
    ("GET", _V2 + "account"): Endpoint(_account_v2, weighing(5), "signed"),
    ("GET", _V3 + "account"): Endpoint(_account_v3, weighing(5), "signed"),
    ("GET", _V2 + "balance"): Endpoint(_balance, weighing(5), "signed"),
    ("GET", _V3 + "balance"): Endpoint(_balance, weighing(5), "signed"),
    ("POST", _V1 + "leverage"): Endpoint(_set_leverage, weighing(1), "signed"),
    ("POST", _V1 + "marginType"): Endpoint(_set_margin_type, weighing(1), "signed"),
    ("POST", _V1 + "positionMargin"): Endpoint(_position_margin, weighing(1), "signed"),
    ("GET", _V1 + "positionSide/dual"): Endpoint(_position_mode, weighing(30), "signed"),
    ("POST", _V1 + "positionSide/dual"): Endpoint(_set_position_mode, weighing(1), "signed"),
    ("GET", _V1 + "multiAssetsMargin"): Endpoint(_assets_mode, weighing(30), "signed"),
    ("GET", _V1 + "commissionRate"): Endpoint(_commission_rate, weighing(20), "signed"),
    ("GET", _V1 + "leverageBracket"): Endpoint(_brackets, weighing(1), "signed"),
    ("GET", _V1 + "symbolConfig"): Endpoint(_symbol_config, by_symbol(5, 5), "signed"),
    ("POST", _V1 + "listenKey"): Endpoint(_open_listen_key, weighing(1), "key"),
    ("PUT", _V1 + "listenKey"): Endpoint(_keep_listen_key, weighing(1), "key"),
    ("DELETE", _V1 + "listenKey"): Endpoint(_close_listen_key, weighing(1), "key"),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(_coins, weighing(10), "signed"),
    ("GET", "/sapi/v1/margin/allPairs"): Endpoint(_no_pairs, weighing(1), "key"),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Endpoint(_no_pairs, weighing(1), "key"),
    ("POST", "/sapi/v1/asset/transfer"): Endpoint(_transfer_own, weighing(1), "signed", 0, True),
    ("POST", "/sapi/v1/sub-account/universalTransfer"): Endpoint(
        _transfer_between, weighing(1), "signed", 0, True
    ),
    ("GET", "/sapi/v1/sub-account/universalTransfer"): Endpoint(_transfers, weighing(1), "signed"),
}
