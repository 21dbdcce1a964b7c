"""Forecast: the volatility to come, with intervals, and how good each forecast was out of sample."""
