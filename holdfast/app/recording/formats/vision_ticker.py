"""Binance Vision bookTicker: the best bid and ask at each change, one TOP row a side."""

from holdfast import tape
from holdfast.app.recording.csv_table import Table
from holdfast.app.recording.formats.base import Draft, Head, Reading
from holdfast.app.recording.formats.vision import VisionFormat, vision_times
from holdfast.app.recording.grid import Grid


class VisionTicker(VisionFormat):
    """Best quotes; the venue's time of sending stands for the time of receipt."""

    name = "binance-book-ticker"
    about = "Binance Vision csv of bookTicker (update_id,best_bid_price,best_bid_qty,...,event_time)"

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names."""
        columns = head.columns
        return columns[:2] == ["update_id", "best_bid_price"] and columns[-2:] == [
            "transaction_time",
            "event_time",
        ]

    def convert(self, table: Table, reading: Reading) -> Draft:
        """Turn lines into rows."""
        exchange_ns = vision_times(table, "transaction_time", reading)
        received_ns = vision_times(table, "event_time", reading)
        numbers = self.instrument(table, reading, spot_like=False)
        about = reading.instruments[int(numbers[0])] if len(numbers) else None
        grid = Grid(exchange_ns, received_ns, numbers, 2)
        for name, side in (("bid", 1), ("ask", -1)):
            price = table.prices(f"best_{name}_price", about.price_decimals if about else 0)
            size = table.sizes(f"best_{name}_qty", about.size_decimals if about else 0)
            grid.put(tape.TOP, price=price, size=size, side=side)
        return grid.draft(table)
