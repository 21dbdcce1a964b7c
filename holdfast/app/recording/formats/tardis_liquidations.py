"""Tardis liquidations: one LIQUIDATION row a line, side of the forced order (buy: a short was liquidated)."""

from holdfast import tape
from holdfast.app.recording.formats.base import Head
from holdfast.app.recording.formats.tardis import TardisFormat
from holdfast.app.recording.formats.tardis_trades import TardisTrades


class TardisLiquidations(TardisFormat):
    """Liquidations: the columns of trades, in a file that is named so."""

    name = "tardis-liquidations"
    about = "Tardis csv of liquidations (the columns of trades, with 'liquidations' in the file's name)"
    needs = TardisTrades.needs
    slots = 1
    kind = tape.LIQUIDATION
    fill = TardisTrades.fill

    @classmethod
    def recognises(cls, head: Head) -> bool:
        """Tell by the column names and by the file's name."""
        return super().recognises(head) and "liquidation" in head.name.lower()
