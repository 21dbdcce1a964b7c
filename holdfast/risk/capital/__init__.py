"""Capital: the reserve a desk needs, the hedges that save it, and where collateral should lie."""
