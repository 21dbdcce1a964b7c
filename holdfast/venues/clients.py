"""Every native client by the name of its venue: what opens an account at a venue looks it up here.

Any other venue is reached by ccxt, which does I/O of its own and lives in `app`.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.venues.binance.client import BinanceClient
from holdfast.venues.deribit.client import DeribitClient

CLIENTS: Final[Mapping[str, type[BinanceClient] | type[DeribitClient]]] = {
    "binance-usdm": BinanceClient,
    "deribit": DeribitClient,
}
