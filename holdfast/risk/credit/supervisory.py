"""Supervisory factors of SA-CCR, and crypto's, which are ours.

Source: BCBS 279 table 2. Crypto: the row of single-name equities, since no regulator's number was at hand to check
against.
"""

from typing import Final

import msgspec


class Factor(msgspec.Struct, frozen=True):
    """One row. Units: factor a share of the notional, volatility a year; correlation to the one factor of its set."""

    asset_class: str
    factor: float
    volatility: float
    correlation: float = 0.0


FACTORS: Final = {
    "interest": Factor("interest", 0.005, 0.50),
    "fx": Factor("fx", 0.04, 0.15),
    "credit-AAA": Factor("credit", 0.0038, 1.00, 0.5),
    "credit-AA": Factor("credit", 0.0038, 1.00, 0.5),
    "credit-A": Factor("credit", 0.0042, 1.00, 0.5),
    "credit-BBB": Factor("credit", 0.0054, 1.00, 0.5),
    "credit-BB": Factor("credit", 0.0106, 1.00, 0.5),
    "credit-B": Factor("credit", 0.016, 1.00, 0.5),
    "credit-CCC": Factor("credit", 0.06, 1.00, 0.5),
    "credit-index-IG": Factor("credit", 0.0038, 0.80, 0.8),
    "credit-index-SG": Factor("credit", 0.0106, 0.80, 0.8),
    "equity": Factor("equity", 0.32, 1.20, 0.5),
    "equity-index": Factor("equity", 0.20, 0.75, 0.8),
    "electricity": Factor("commodity", 0.40, 1.50, 0.4),
    "oil-gas": Factor("commodity", 0.18, 0.70, 0.4),
    "metals": Factor("commodity", 0.18, 0.70, 0.4),
    "agricultural": Factor("commodity", 0.18, 0.70, 0.4),
    "commodity": Factor("commodity", 0.18, 0.70, 0.4),
    "crypto": Factor("crypto", 0.32, 1.20),
}
