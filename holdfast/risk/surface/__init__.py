"""Surfaces: implied volatility by strike and expiry (SVI, SSVI, SABR, Heston, Bates) and whether they allow arbitrage."""
