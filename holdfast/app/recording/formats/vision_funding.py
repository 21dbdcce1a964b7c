"""Binance Vision funding rates: what was paid at each funding time."""

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat, vision_times
from holdfast.app.recording.grid import Grid


class VisionFunding(VisionFormat):
    """Funding: one FUNDING row a line, at the time it was calculated."""

    name = "binance-funding"
    about = "Binance Vision csv of fundingRate (calc_time,funding_interval_hours,last_funding_rate)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        return head.columns[:3] == ["calc_time", "funding_interval_hours", "last_funding_rate"]

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into rows."""
        moment_ns = vision_times(table, "calc_time", reading)
        grid = Grid(moment_ns, moment_ns, self.instrument(table, reading, spot_like=False), 1)
        grid.put_value(tape.FUNDING, table.floats("last_funding_rate", optional=False))
        return grid.draft(table)
