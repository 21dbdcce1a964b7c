"""Bybit: bytes to rows."""
