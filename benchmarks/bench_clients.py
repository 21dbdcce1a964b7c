"""Clients: what an account costs inside the process: a cancel-all to its bytes, an order's message to its event.

Defends: brakes as preformatted frames, and messages of an account as typed records. The peer is ccxt in the same process,
its own `sign` for the same request and its own `parse_order` of the same message (JSON decoding on both sides).
Limits: nothing is sent; Binance's brake is its HMAC, which both pay for.
"""

import json
import time
from collections.abc import Callable
from typing import Any, Final

import ccxt
import numpy as np

from benchmarks.measure import Bench
from holdfast.instrument import Instruments
from holdfast.venues.binance.client import BinanceClient
from holdfast.venues.client import Client, Frame, Open, Request
from holdfast.venues.deribit.client import DeribitClient

NOW_NS: Final = 1_790_000_000_000_000_000
CALLS: Final = 20_000
CLEAR_EVERY: Final = 100
CANCEL_US_MAX: Final = 100.0

_ORDER: Final = {
    "time_in_force": "good_til_cancelled", "reduce_only": False, "price": 60000.5, "post_only": False,
    "order_type": "limit", "order_state": "open", "order_id": "46094375191", "max_show": 10.0, "replaced": False,
    "last_update_timestamp": 1655401625037, "label": "hf-abc", "is_liquidation": False, "web": False,
    "instrument_name": "BTC-PERPETUAL", "filled_amount": 0.0, "direction": "sell", "api": True,
    "creation_timestamp": 1655401625037, "average_price": 0.0, "amount": 10.0,
}  # fmt: skip


def measure(bench: Bench) -> None:
    """Measure both venues' brakes and one message of an account."""
    keys = "key", "secret"
    deribit, binance = (kind(Instruments(), "desk", keys) for kind in (DeribitClient, BinanceClient))
    for client in (deribit, binance):
        _come_up(client)
    deribit_peer, binance_peer = (
        kind({"apiKey": "key", "secret": "secret"}) for kind in (ccxt.deribit, ccxt.binanceusdm)
    )
    _brake(
        bench,
        "cancel all of Deribit, to its bytes",
        deribit,
        lambda: deribit.cancel_all(NOW_NS, "k"),
        lambda: deribit_peer.sign("cancel_all", "private", "GET", {}),
    )
    _brake(
        bench,
        "cancel all of one instrument at Binance, to its bytes",
        binance,
        lambda: binance.cancel_all(NOW_NS, "k", "BTCUSDT"),
        lambda: binance_peer.sign("allOpenOrders", "fapiPrivate", "DELETE", {"symbol": "BTCUSDT"}),
    )
    params = {"channel": "user.orders.any.any.raw", "data": _ORDER}
    frame = json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": params}, separators=(",", ":")
    ).encode()
    ours = _us(lambda: deribit.on_frame(NOW_NS, "private", frame), deribit.events.clear)
    theirs = _us(lambda: deribit_peer.parse_order(json.loads(frame)["params"]["data"]))
    _add(bench, "an order's message of Deribit, to its event", ours, theirs)


def _brake(
    bench: Bench, name: str, client: Client, act: Callable[[], object], peer: Callable[[], object]
) -> None:
    ours = _us(act, lambda: _fail_all(client))
    _add(bench, name, ours, _us(peer), f"<= {CANCEL_US_MAX:g} us", ours[1] <= CANCEL_US_MAX)


def _add(
    bench: Bench,
    name: str,
    ours: tuple[float, float],
    theirs: tuple[float, float],
    target: str = "",
    met: bool | None = None,
) -> None:
    peer = f"ccxt {ccxt.__version__}"
    for share, value, other in zip(("p50", "p99"), ours, theirs, strict=True):
        wanted = (target, met) if share == "p99" else ("", None)
        bench.add(f"{name}, {share} cpu", value, "us", other, peer, other / value, *wanted)


def _us(act: Callable[[], object], clear: Callable[[], object] = lambda: None) -> tuple[float, float]:
    """Return median and 99th percentile of the thread's CPU time of a call, in microseconds; the best of three rounds."""
    best = float("inf"), float("inf")
    for _ in range(3):
        spent = np.zeros(CALLS)
        for number in range(CALLS):
            begun = time.thread_time_ns()
            act()
            spent[number] = time.thread_time_ns() - begun
            if number % CLEAR_EVERY == 0:
                clear()
        p50, p99 = (float(np.percentile(spent, share)) / 1e3 for share in (50, 99))
        best = min(best, (p50, p99), key=lambda seen: seen[1])
    return best


def _fail_all(client: Client) -> None:
    """End every request, so that none is awaited."""
    wishes, client.wishes = client.wishes, []
    for wish in wishes:
        if isinstance(wish, Request):
            client.on_failure(NOW_NS, wish.id, "unknown", "")
        elif isinstance(wish, Frame):
            client.on_frame(
                NOW_NS, wish.line, json.dumps({"id": json.loads(wish.data)["id"], "result": 0}).encode()
            )
    client.events.clear()


def _come_up(client: Client) -> None:
    """Bring an account's line up, with nothing behind it."""
    client.connect(NOW_NS)
    for _ in range(8):
        wishes, client.wishes = client.wishes, []
        for wish in wishes:
            if isinstance(wish, Open):
                client.on_open(NOW_NS, wish.line)
            elif isinstance(wish, Frame):
                request = json.loads(wish.data)
                client.on_frame(
                    NOW_NS, wish.line, json.dumps({"id": request["id"], "result": _result(request)}).encode()
                )
            elif isinstance(wish, Request):
                client.on_answer(NOW_NS, wish.id, 200, json.dumps(_body(wish.url)).encode())
    assert client.is_ready


def _result(request: dict[str, Any]) -> Any:
    return {
        "public/get_time": NOW_NS // 1_000_000,
        "public/auth": {"refresh_token": "r", "expires_in": 900},
        "private/subscribe": request["params"].get("channels"),
        "private/get_account_summaries": {"summaries": []},
    }.get(request["method"], [])


def _body(url: str) -> Any:
    if "get_instruments" in url:
        return {"result": []}
    answers = {
        "time": {"serverTime": NOW_NS // 1_000_000},
        "listenKey": {"listenKey": "l"},
        "account": {"assets": []},
    }
    answers["exchangeInfo"] = {"symbols": []}
    return answers.get(url.partition("?")[0].rpartition("/")[2], [])
