"""Risk: what a desk holds is worth, could lose, must post, and what it would cost to be rid of it.

Rules, which hold in every file of this folder:

1. Pure: numbers in, numbers out. No file, clock or hidden randomness; a draw comes from `draws.py` and its seed.
2. Prices, strikes and forwards are in quote units (dollars) for one unit of the underlying asset; a coin-settled option's
   price in coin says so in its name (`_coin`). Quantities are signed units of the asset, except those of inverse
   perpetuals and futures, which are quote units (dollars of contract). Money is in the portfolio's base currency.
3. Volatilities and rates are fractions a year, rates continuous; years are of 365 days (as Deribit counts them).
4. Greeks are derivatives in these units: delta and gamma by the price of the asset, vega for one whole unit of
   volatility (100 points), theta for one year, rho for one whole unit of rate. Reports scale, kernels do not.
5. What cannot be computed is a refusal with a reason, never a silent NaN and never a guess; the rest goes on.

Read next: `portfolio.py`, `market.py`, `legs.py`, `valuation.py`.
"""
