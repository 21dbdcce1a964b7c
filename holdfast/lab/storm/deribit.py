"""Deribit as its recorders write it: a file of REST answers (the listing) and one of the websocket.

Lines are `<local_s>: <json>`. Channels: raw books with `prev_change_id`, the first message a snapshot;
trades, marked where a liquidation took part; tickers.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.storm.market import Contract, Levels, Market, Print, Step
from holdfast.lab.storm.weather import START_NS, Curve
from holdfast.lab.storm.wire import Message, stamped_line, write_capture

HOST: Final = "www.deribit.com"
FIRST_ID: Final = 71_169_025_645


def write_deribit(
    folder: Path, markets: list[Market], random: np.random.Generator, lateness: Curve
) -> list[Path]:
    """Write the venue's two captures; `lateness` seconds are added to every message's way."""
    opened_ns = START_NS - 2 * SECOND_NS
    listing = {"jsonrpc": "2.0", "result": [_listing(market.contract) for market in markets]}
    asked = f"https://{HOST}/api/v2/public/get_instruments?currency=any&kind=future -> "
    rest = write_capture(
        folder / "DERIBIT.0.gz",
        [],
        stamped_line,
        random,
        base_ms=0.0,
        head=[asked + stamped_line(opened_ns, _json(listing))],
    )
    channels = [f"{kind}.{m.contract.symbol}.raw" for m in markets for kind in ("book", "trades", "ticker")]
    subscribed = {"jsonrpc": "2.0", "id": 0, "method": "public/subscribe", "params": {"channels": channels}}
    socket = f"wss://{HOST}/ws/api/v2"
    head = [
        f"{socket} <-> {opened_ns / SECOND_NS:.6f}\n",
        f"{socket} <- {stamped_line(opened_ns + SECOND_NS, _json(subscribed))}",
    ]
    messages = [message for market in markets for message in _Deribit(market).all()]
    heard = write_capture(
        folder / "DERIBIT.ws.1.0.gz",
        messages,
        stamped_line,
        random,
        base_ms=22.0,
        lateness=lateness,
        head=head,
    )
    return [rest, heard]


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def _listing(contract: Contract) -> dict[str, Any]:
    base = contract.symbol.partition("-")[0]
    return {
        "tick_size": contract.step,
        "taker_commission": 0.0005,
        "settlement_period": "perpetual",
        "settlement_currency": base,
        "quote_currency": "USD",
        "min_trade_amount": float(contract.lot),
        "maker_commission": 0.0,
        "kind": "future",
        "is_active": True,
        "instrument_type": "reversed",
        "instrument_name": contract.symbol,
        "expiration_timestamp": 32_503_708_800_000,
        "creation_timestamp": 1_534_167_754_000,
        "contract_size": float(contract.lot),
        "base_currency": base,
    }


class _Deribit:
    def __init__(self, market: Market) -> None:
        self._market = market
        self._contract = market.contract
        self._change = FIRST_ID
        self._trade = 88_712_001
        self._held: set[tuple[int, int]] = set()

    def all(self) -> list[Message]:
        return [message for step in self._market.steps() for message in self._speak(step)]

    def _speak(self, step: Step) -> list[Message]:
        ms = step.time_ns // MILLISECOND_NS
        before, self._change = self._change, self._change + 3
        sides = f'"bids":{self._changes(1, step.bids)},"asks":{self._changes(-1, step.asks)}'
        place = f'"type":"change","timestamp":{ms},"prev_change_id":{before}'
        if step.number == 0:
            place = f'"type":"snapshot","timestamp":{ms}'
        named = f'"instrument_name":"{self._contract.symbol}","change_id":{self._change}'
        said = [self._message(step.time_ns, "book", f"{{{place},{named},{sides}}}")]
        prints = [(trade, "") for trade in step.trades] + [
            (order, ',"liquidation":"T"') for order in step.forced
        ]
        said += [self._message(p.time_ns, "trades", self._print(p, step.number, more)) for p, more in prints]
        if step.number % 10 == 0:
            said.append(self._message(step.time_ns, "ticker", self._ticker(step, ms)))
        return said

    def _message(self, sent_ns: int, kind: str, data: str) -> Message:
        channel = f"{kind}.{self._contract.symbol}.raw"
        return Message(
            sent_ns,
            f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{data}}}}}',
        )

    def _changes(self, sign: int, levels: Levels) -> str:
        texts: list[str] = []
        for price in sorted(levels, reverse=sign > 0):
            lots, key = levels[price], (sign, price)
            word = "delete" if not lots else "change" if key in self._held else "new"
            (self._held.add if lots else self._held.discard)(key)
            texts.append(f'["{word}",{self._contract.price_text(price)},{self._amount(lots)}]')
        return "[" + ",".join(texts) + "]"

    def _amount(self, lots: int) -> str:
        return f"{lots * self._contract.lot:.1f}"

    def _print(self, trade: Print, number: int, more: str) -> str:
        self._trade += 1
        mid = float(self._market.mid[number])
        ms, price = trade.time_ns // MILLISECOND_NS, self._contract.price_text(trade.price)
        tick, side = (3, "sell") if trade.side < 0 else (1, "buy")
        return (
            f'[{{"trade_seq":{self._trade},"trade_id":"{self._trade + 300_000_000}","timestamp":{ms},'
            f'"tick_direction":{tick},"price":{price},"mark_price":{mid:.2f},'
            f'"instrument_name":"{self._contract.symbol}","index_price":{mid * 0.9999:.2f},'
            f'"direction":"{side}","amount":{self._amount(trade.lots)}{more}}}]'
        )

    def _ticker(self, step: Step, ms: int) -> str:
        mid, price = float(self._market.mid[step.number]), self._contract.price_text
        interest = round(412_000_000 * float(self._market.weather.interest[step.number]), -1)
        (bid, bid_lots), (ask, ask_lots) = step.bid, step.ask
        return (
            f'{{"timestamp":{ms},"state":"open","settlement_price":{self._contract.price:.2f},'
            f'"open_interest":{interest:.1f},"min_price":{mid * 0.985:.2f},"max_price":{mid * 1.015:.2f},'
            f'"mark_price":{mid:.2f},"last_price":{price(bid)},"interest_value":0.0,'
            f'"instrument_name":"{self._contract.symbol}","index_price":{mid * 0.9999:.2f},'
            f'"funding_8h":0.00005,"current_funding":0.0,"estimated_delivery_price":{mid * 0.9999:.2f},'
            f'"best_bid_price":{price(bid)},"best_bid_amount":{self._amount(bid_lots)},'
            f'"best_ask_price":{price(ask)},"best_ask_amount":{self._amount(ask_lots)}}}'
        )
