"""Read a venue's listing: every entry by itself, so that one broken entry does not cost the others."""

from collections.abc import Callable, Sequence

import msgspec

from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments


def add_listing(
    instruments: Instruments,
    entries: Sequence[msgspec.Raw],
    read: Callable[[msgspec.Raw], Instrument | None],
) -> None:
    """Add every entry that reads as an instrument (None: it is none), then refuse the others together.

    Raises: OutsideError `listing.malformed`, naming the first entry that could not be read.
    """
    refused: list[str] = []
    for entry in entries:
        try:
            instrument = read(entry)
        except (OutsideError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            refused.append(f"{bytes(entry)[:80]!r}: {error}")
            continue
        if instrument is not None:
            instruments.add(instrument)
    if refused:
        raise OutsideError(
            "listing.malformed",
            f"{len(refused)} of {len(entries)} entries cannot be read, the first is {refused[0]}",
            remedy="the others are listed; the instruments of these are held back",
        )
