"""World process: the simulated venues in a process of their own, and the world's own address, which tells their books."""

import json
import sys
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.error import OutsideError
from holdfast.lab.drill.os_process import OsProcess
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.order import Side

ANSWER_S_MAX: Final = 20.0
VENUES: Final = (DERIBIT, BINANCE)


class VenueOrder(msgspec.Struct, frozen=True):
    """An order in a venue's own books."""

    order_id: str
    client_id: str
    instrument: str
    side: Side
    quantity: Decimal
    filled: Decimal
    state: str


_ORDERS: Final = msgspec.json.Decoder(list[VenueOrder])


class WorldProcess:
    """`holdfast world serve` on free loopback ports. Raises: OutsideError `drill.no_world`."""

    def __init__(self, seed: int, log: Path) -> None:
        command = (sys.executable, "-m", "holdfast", "world", "serve", "--json", "--seed", str(seed))
        self._process = OsProcess(command, log, is_heard=True)
        line = self._process.output.readline()
        if not line:
            raise OutsideError("drill.no_world", "the world did not start", remedy=f"see {log}")
        self.said: dict[str, Any] = json.loads(line)

    def positions(self, account: str) -> dict[tuple[str, str], Decimal]:
        """Return what an account holds, by venue and instrument."""
        state = json.loads(self._ask("/state"))
        return {
            (venue, instrument): Decimal(quantity)
            for venue, accounts in state["positions"].items()
            for instrument, quantity in accounts[account].items()
        }

    def prices(self) -> dict[str, float]:
        """Return the price of each asset in dollars."""
        return json.loads(self._ask("/state"))["prices"]

    def orders(self, venue: str, account: str) -> list[VenueOrder]:
        """Return every order of an account that the venue knows."""
        return _ORDERS.decode(self._ask(f"/orders?venue={venue}&account={account}"))

    def place(self, **order: object) -> None:
        """Place an order for an account's owner."""
        self._ask("/orders", order)

    def set_faults(self, venue: str, **faults: object) -> dict[str, Any]:
        """Have things go wrong at a venue, and return what is in force."""
        return json.loads(self._ask("/faults", {"venue": venue, **faults}))

    def heal(self) -> None:
        """Have everything work again."""
        well = {
            "is_frozen": False,
            "is_refusing": False,
            "is_mute": False,
            "clock_offset_ns": 0,
            "effects_left": 0,
        }
        for venue in VENUES:
            self.set_faults(venue, **well)

    def end(self) -> None:
        """End it."""
        self._process.end()

    def _ask(self, path: str, body: object = None) -> bytes:
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(self.said["control"] + path, data)
        with urllib.request.urlopen(request, timeout=ANSWER_S_MAX) as answer:
            return answer.read()
