"""Pricing: values, greeks and implied volatilities of one contract, as numba kernels in float64."""
