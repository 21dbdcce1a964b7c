"""Sample: what a model drew: joint moves of assets and their volatilities over one horizon, and the shocks they make.

Rules:

1. A column is an asset; an asset that the sample lacks is not given a move of zero: its legs leave the number and are
   told as missing, unless the caller names the asset as constant.
2. Weights add up to one. They differ only where the model ages its scenarios.
3. `overlap` tells how many scenarios share a return: errors count that many as one.
4. `notes` says what the model assumed where history was silent; a report prints them.
"""

from collections.abc import Collection

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.legs import AMERICAN, BARRIER, DIGITAL, OPTION, OPTION_INVERSE, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.shock import Shocks, no_shocks

_OPTIONS = (OPTION, OPTION_INVERSE, AMERICAN, DIGITAL, BARRIER)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Scenarios of one model. Shape: spot_log, volatility_shift (scenarios, assets); weights (scenarios,).

    Units: spot_log natural logs; volatility_shift relative, of a volatility of 30 days (0.2: a fifth higher), zero
    where `moves_volatility` is False; horizon_years of 365 days.
    """

    model: str
    horizon_years: float
    assets: tuple[str, ...]
    spot_log: NDArray[np.float64]
    volatility_shift: NDArray[np.float64]
    weights: NDArray[np.float64]
    moves_volatility: tuple[bool, ...]
    overlap: int = 1
    notes: tuple[str, ...] = ()


def covered(legs: Legs, sample: Sample, *, constant: Collection[str] = ()) -> Legs:
    """Return the legs whose assets the sample moves; the others become missing, and so does a volatility left as it is.

    `constant` names assets held at their price (a settlement currency whose peg is stressed elsewhere), as the base is.
    """
    still = {legs.assets[0], *constant}
    unknown = {
        number for number, name in enumerate(legs.assets) if name not in sample.assets and name not in still
    }
    outside = np.zeros(len(legs.legs), np.bool_)
    for name in ("asset", "quote", "settle"):
        outside |= np.isin(legs.legs[name], list(unknown))
    missing = list(legs.missing)
    for number in sorted(unknown):
        missing.append(
            Missing(
                legs.assets[number],
                "returns.absent",
                "no history of its price: what depends on it is in no number",
                "give its prices, or name it constant",
            )
        )
    fixed = {
        name for name, moves in zip(sample.assets, sample.moves_volatility, strict=True) if not moves
    } | set(still)
    options = np.isin(legs.legs["kind"], _OPTIONS) & ~outside
    for number in sorted({int(asset) for asset in legs.legs["asset"][options]}):
        if legs.assets[number] in fixed:
            missing.append(
                Missing(
                    f"{legs.assets[number]} volatility",
                    "volatility.unshocked",
                    "no history of it: its options are revalued at today's volatility",
                    "give a volatility history, or a regression of volatility on spot",
                )
            )
    return msgspec.structs.replace(
        legs,
        legs=legs.legs[~outside],
        names=tuple(name for name, out in zip(legs.names, outside, strict=True) if not out),
        missing=tuple(missing),
    )


def shocks_of(sample: Sample, legs: Legs, *, constant: Collection[str] = ()) -> Shocks:
    """Return the sample as shocks of the legs' assets.

    Raises: CallerError `sample.uncovered` for a leg on an asset that the sample does not move: see `covered`.
    """
    used = {int(number) for name in ("asset", "quote", "settle") for number in legs.legs[name]}
    shocks = no_shocks(len(sample.weights), len(legs.assets), horizon_years=sample.horizon_years)
    for number in sorted(used):
        name = legs.assets[number]
        if name in sample.assets:
            column = sample.assets.index(name)
            shocks.spot_log[:, number] = sample.spot_log[:, column]
            shocks.volatility_shift[:, number] = sample.volatility_shift[:, column]
        elif number != 0 and name not in constant:
            raise CallerError(
                "sample.uncovered",
                f"{sample.model} moves no {name}",
                where=name,
                remedy="take covered(legs, sample)",
            )
    return shocks
