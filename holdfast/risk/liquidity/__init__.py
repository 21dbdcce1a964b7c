"""Liquidity: what it costs and how long it takes to be rid of a position, on order books and in pools."""
