"""SystemDetector: a live detector that needs nothing but the measurements of the guard itself."""

from abc import abstractmethod

from holdfast.detectors.live import Context, Heard, LiveDetector


class SystemDetector(LiveDetector):
    """See `detectors/live.py`; what it hears are measurements."""

    def hear(self, event: Heard, context: Context) -> None:
        """Take in an event; of the desk nothing is needed."""
        del context
        self.measure(event)

    @abstractmethod
    def measure(self, event: Heard) -> None:
        """Take in an event and `judge` what it shows."""
