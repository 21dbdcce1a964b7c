"""Holdfast: the autonomous defence of crypto-derivatives desks."""

__version__ = "0.1.0"
