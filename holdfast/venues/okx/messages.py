"""What OKX v5 sends: its public messages. Unknown fields are ignored; prices and sizes stay text."""

from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

Level = Annotated[list[str], Meta(min_length=2)]  # price, size, (a retired field), orders


class Arg(Struct, rename="camel"):
    """What a message belongs to."""

    channel: str
    inst_id: str = ""


class Envelope(Struct, rename="camel"):
    """The outside of every message: an event, or data of a channel."""

    event: str = ""
    arg: Arg | None = None
    action: str = ""
    data: Raw = Raw()


class BookPush(Struct, rename="camel"):
    """One push of a book channel, or the answer of /market/books."""

    asks: list[Level]
    bids: list[Level]
    ts: str
    checksum: int | None = None
    seq_id: int | None = None
    prev_seq_id: int | None = None


class Ticker(Struct, rename="camel"):
    """One push of `tickers`; an empty price means that nobody quotes that side."""

    inst_id: str
    bid_px: str
    bid_sz: str
    ask_px: str
    ask_sz: str
    ts: str


class Trade(Struct, rename="camel"):
    """One trade of `trades`, `trades-all` or `option-trades`; side is the taker's."""

    inst_id: str
    px: str
    sz: str
    side: str
    ts: str


class MarkPrice(Struct, rename="camel"):
    """One push of `mark-price`."""

    inst_id: str
    mark_px: str
    ts: str


class IndexTicker(Struct, rename="camel"):
    """One push of `index-tickers`; inst_id names an index such as BTC-USD, not an instrument."""

    inst_id: str
    idx_px: str
    ts: str


class FundingRate(Struct, rename="camel"):
    """One push of `funding-rate`; ts is missing in old recordings."""

    inst_id: str
    funding_rate: str
    ts: str = ""


class OpenInterest(Struct, rename="camel"):
    """One push of `open-interest`; oi is in contracts."""

    inst_id: str
    oi: str
    ts: str


class LiquidationDetail(Struct, rename="camel"):
    """One forced order; side is the order's, bk_px the bankruptcy price of the position."""

    side: str
    bk_px: str
    sz: str
    ts: str


class Liquidation(Struct, rename="camel"):
    """Forced orders of one instrument."""

    inst_id: str
    details: list[LiquidationDetail]


class OptionSummary(Struct, rename="camel"):
    """One option of `opt-summary`; volatilities are fractions a year, `*_bs` are Black-Scholes greeks."""

    inst_id: str
    ts: str
    mark_vol: str = ""
    bid_vol: str = ""
    ask_vol: str = ""
    fwd_px: str = ""
    delta: str = ""
    vega: str = ""
    delta_bs: str = msgspec.field(default="", name="deltaBS")
    vega_bs: str = msgspec.field(default="", name="vegaBS")


class Listed(Struct, rename="camel"):
    """One instrument of /public/instruments or of the channel `instruments`."""

    inst_type: str
    inst_id: str
    tick_sz: str
    lot_sz: str
    uly: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    ct_type: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    exp_time: str = ""
    stk: str = ""
    opt_type: str = ""


class Answer(Struct):
    """A REST answer; code "0" is success."""

    code: str
    data: Raw
    msg: str = ""
