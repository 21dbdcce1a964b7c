"""Holdfast: the autonomous defence of crypto-derivatives desks."""

from holdfast import kernel_cache

__version__ = "0.1.0"

kernel_cache.use_own_folder()
