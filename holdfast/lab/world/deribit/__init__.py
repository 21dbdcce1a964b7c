"""Deribit, as the simulated world speaks it: API version 2 over websocket and HTTP, bytes in and bytes out."""

from holdfast.lab.world.deribit.server import DeribitServer
from holdfast.lab.world.deribit.session import DeribitSession

__all__ = ["DeribitServer", "DeribitSession"]
