"""Deribit: options, futures, perpetuals and spot."""

from holdfast.venues.deribit.feed import DeribitFeed

__all__ = ["DeribitFeed"]
