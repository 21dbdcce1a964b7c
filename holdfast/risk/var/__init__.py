"""Value at risk: what a desk may lose within an hour, a day or ten days, by models that disagree for reasons.

Rules:

1. A model draws a `Sample`: moves of every asset and of its volatility over one horizon, jointly. Nothing here prices:
   `sample.shocks_of` makes shocks of it, `risk/revalue.py` the profits, `measure.py` the numbers.
2. A history too short, a factor that never moved, an asset without history: a `Missing` with its reason, never a number.
3. Losses are positive; a level of 0.99 leaves one in a hundred worse.

Read next: `returns.py` (what history is), `sample.py`, one model (`filtered.py`), `measure.py`, `contribution.py`.
"""
