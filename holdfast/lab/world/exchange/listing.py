"""Listings and settings: what a simulated venue trades, and the rules by which it does."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

ListingKind = Literal["perpetual", "future", "option"]

HOUR_NS: Final = 3_600_000_000_000


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One contract of the venue.

    Units: tick in price units (quote; coins for an inverse option), lot in amounts (coins; quote units where `inverse`, but
    coins for options), margins and fees fractions of notional; an option's margins are fractions of the underlying, its
    fees too. `tick` and `lot` are powers of ten times an integer.
    """

    symbol: str
    kind: ListingKind
    base: str
    quote: str
    settle: str
    inverse: bool
    contract_size: Decimal
    tick: Decimal
    lot: Decimal
    expiry_ns: int = 0
    strike: Decimal = Decimal(0)
    option_type: Literal["", "call", "put"] = ""
    initial_margin: Decimal = Decimal("0.02")
    maintenance_margin: Decimal = Decimal("0.01")
    maker_fee: Decimal = Decimal("0.0002")
    taker_fee: Decimal = Decimal("0.0005")
    created_ns: int = 0


class ExchangeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a venue behaves where venues differ.

    `funding`: `continuous` accrues all the time (Deribit) and is paid at each change of a position and at 08:00 UTC;
    `interval` is paid each eight hours from the average premium (Binance).
    `unique_client_ids`: an open order's client id may not be used again (Binance); else labels may repeat (Deribit).
    `self_trade`: `allow`, or `cancel_maker`: the account's own resting order gives way.
    Units: fractions; of the index for premiums and clips, a step's share of a position for `liquidation_fraction`.
    """

    funding: Literal["continuous", "interval"] = "continuous"
    unique_client_ids: bool = False
    self_trade: Literal["allow", "cancel_maker"] = "allow"
    mark_interval_ns: int = 1_000_000_000
    mark_ema_s: float = 30.0
    mark_clip_perpetual: float = 0.005
    mark_clip_future: float = 0.1
    market_bound: float = 0.05
    liquidation_fraction: float = 0.25
    liquidation_fee: Decimal = Decimal("0.005")
    option_fee_cap: Decimal = Decimal("0.125")
    smile_skew: float = -0.05
    smile_curvature: float = 0.03
    history_ns: int = 2 * HOUR_NS
    trades_kept_max: int = 1000
