"""OKX's portfolio-margin parameters as types: what `parameters/okx_pm.yml` holds, by the venue's names MR1 to MR9."""

import msgspec


class AssetClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Assets that share a figure; `assets` empty: all others. Units: values fractions."""

    assets: tuple[str, ...]
    values: tuple[float, ...]


class VolatilityMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR1's volatility move by days to expiry, linear between, flat beyond. Units: days; volatility points and fractions."""

    days: tuple[float, ...]
    points: tuple[float, ...]
    shares: tuple[float, ...]


class RateMoves(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR5's moves of the curve: loadings of two components by days, and how far each moves. Units: fractions a year."""

    days: tuple[float, ...]
    parallel: tuple[float, ...]
    slope: tuple[float, ...]
    parallel_moves: tuple[float, ...]
    slope_moves: tuple[float, ...]


class Tier(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Up to a cap (dollars), a factor for what lies between the cap before and this one. The last cap is infinite."""

    cap: float
    factor: float


class TierClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR7's multipliers for some assets; `assets` empty: all others."""

    assets: tuple[str, ...]
    tiers: tuple[Tier, ...]


class MinimumCharge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR7: what closing would cost. Units: slippages and fees fractions of the asset's price."""

    option_slippage: float
    option_fee: float
    option_fee_share_max: float
    future_slippage: float
    future_fee: float
    classes: tuple[TierClass, ...]


class PegTiers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR9's tiers while a stablecoin's index is at least `index_min`. Units: fractions of the volume hedged across."""

    index_min: float
    tiers: tuple[Tier, ...]


class Borrowing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """MR8: what a debt asks for. Units: fractions of its value."""

    mmr: float
    imr: float


class OkxValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that OKX's portfolio margin reads. Units: `imr_factor` of the derivatives' maintenance margin."""

    imr_factor: float
    price_moves: tuple[AssetClass, ...]
    volatility_moves: VolatilityMove
    decay_hours: float
    vega_matched_share: float
    basis_moves: tuple[AssetClass, ...]
    rate_moves: RateMoves
    extreme_moves: tuple[AssetClass, ...]
    extreme_share: float
    minimum: MinimumCharge
    pegs: tuple[PegTiers, ...]
    stablecoins: tuple[str, ...]
    borrowing: Borrowing


def of_class(classes: tuple[AssetClass, ...], asset: str) -> tuple[float, ...] | None:
    """Return the values of the class an asset is in: the one that names it, else the one for all others."""
    for one in classes:
        if asset in one.assets:
            return one.values
    return next((one.values for one in classes if not one.assets), None)
