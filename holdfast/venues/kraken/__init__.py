"""Kraken Futures: bytes to rows."""
