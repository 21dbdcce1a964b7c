"""Backtest: did losses exceed VaR as often, as independently and by as much as the model said? One test a file."""
