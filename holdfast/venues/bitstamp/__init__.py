"""Bitstamp: single orders to levels."""
