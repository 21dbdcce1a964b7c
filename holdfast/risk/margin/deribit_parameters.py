"""Deribit's margin parameters as types: what `parameters/deribit_sm.yml` and `deribit_pm.yml` hold.

Names are the venue's own, as `private/pme/simulate` answers them (`model_params`), so that a desk can paste what its own
account is told.

Source: docs.deribit.com, private/pme/simulate; support.deribit.com, Portfolio Margin and Linear Perpetual.
"""

import msgspec


class SlopedRate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A future's or perpetual's requirement: base + slope x size. Units: fractions; slope a unit of asset."""

    im_base: float
    mm_base: float
    slope: float


class ShortOption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A short option's requirement. Units: fractions of the underlying's price."""

    im: float
    im_min: float
    mm: float


class StandardValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Standard margin: by `ASSET/SETTLEMENT` (`BTC/BTC` is coin-settled, `SOL/USDC` linear)."""

    futures: dict[str, SlopedRate]
    options: dict[str, ShortOption]


class PairValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One currency pair of portfolio margin, in the venue's words.

    Units: ranges and shocks fractions; threshold quote units; m_inc a fraction for one unit of asset above the threshold.
    """

    price_range: float
    volatility_range_up: float
    volatility_range_down: float
    min_volatility_for_shock_up: float
    short_term_vega_power: float
    long_term_vega_power: float
    extended_table_factor: float
    delta_total_liq_shock_threshold: float
    max_delta_shock: float
    m_inc: float


class CurrencyValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One currency of portfolio margin. Units: moves fractions; dampener and offset cap in quote units."""

    annualised_move_risk: float
    min_annualised_move: float
    extended_dampener: float
    pnl_offset: float = 0.0
    max_offsetable_pnl: float = 0.0
    haircut: float = 0.0


class PortfolioValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Portfolio margin: the matrix, the pairs by `ASSET/QUOTE` and the currencies by name.

    `days_min` is the least days to expiry that the volatility shock's power function sees.
    """

    mm_factor: float
    buckets_count: int
    extended_moves: tuple[float, ...]
    days_min: float
    pairs: dict[str, PairValues]
    currencies: dict[str, CurrencyValues]
