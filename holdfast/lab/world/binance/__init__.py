"""Binance's USD-M futures, as the simulated world speaks them: REST and streams, bytes in and bytes out."""

from holdfast.lab.world.binance.server import BinanceServer
from holdfast.lab.world.binance.stream import BinanceStream

__all__ = ["BinanceServer", "BinanceStream"]
