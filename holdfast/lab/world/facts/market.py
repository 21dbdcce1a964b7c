"""Market: what is observed of one instrument: mid, spread and depth each second, and every trade."""

from typing import Final

import msgspec

BAND: Final = 0.001


class Market(msgspec.Struct, kw_only=True):
    """One instrument over some time.

    Units: `mids` prices, one a second; spreads basis points; depths dollars within `BAND` of the mid, the thinner side;
    touches dollars at the best price, the thinner side; trades nanoseconds and dollars, `last_side` the side of the last.
    """

    name: str
    mids: list[float] = []
    spreads_bps: list[float] = []
    touches_usd: list[float] = []
    depths_usd: list[float] = []
    trade_times_ns: list[int] = []
    trade_usd: list[float] = []
    last_side: str | int = 0

    def sample(self, bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> None:
        """Look at a book: price and size in coins, best first. A one-sided book is not a sample."""
        if not bids or not asks:
            return
        mid = (bids[0][0] + asks[0][0]) / 2.0
        self.mids.append(mid)
        self.spreads_bps.append((asks[0][0] - bids[0][0]) / mid * 1e4)
        self.touches_usd.append(min(bids[0][0] * bids[0][1], asks[0][0] * asks[0][1]))
        self.depths_usd.append(
            min(
                sum(price * size for price, size in side if abs(price / mid - 1.0) <= BAND)
                for side in (bids, asks)
            )
        )

    def trade(self, time_ns: int, usd: float, side: str | int) -> None:
        """Note a print; those of one time and side are one trade, for one order took them."""
        if self.trade_times_ns and self.trade_times_ns[-1] == time_ns and self.last_side == side:
            self.trade_usd[-1] += usd
            return
        self.last_side = side
        self.trade_times_ns.append(time_ns)
        self.trade_usd.append(usd)
