"""The name of every detector, of the market, of the desk's own flow and of the guard itself, that a rule may read."""

from typing import Final

from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.detectors.watch import DETECTOR_NAMES

ALERT_NAMES: Final = (*DETECTOR_NAMES, *LIVE_DETECTOR_NAMES)
