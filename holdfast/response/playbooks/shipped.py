"""The playbooks that Python makes, of those that come with Holdfast: the hedge of Bitcoin, with the usual perpetuals.

A desk that hedges other assets, or elsewhere, makes its own by `dynamic_delta_hedge` and gives it to the loader.
"""

from typing import Final

from holdfast.response.playbook.playbook import Playbook
from holdfast.response.playbooks.dynamic_delta_hedge import dynamic_delta_hedge

MADE: Final[tuple[Playbook, ...]] = (
    dynamic_delta_hedge("BTC", ("deribit:BTC-PERPETUAL", "binance-usdm:BTCUSDT"), 0.05),
)
