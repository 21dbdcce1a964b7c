"""VaR: value at risk and expected shortfall by several models, their parts, and backtests that say which failed when."""
