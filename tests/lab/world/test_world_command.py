"""`holdfast world serve`: a process, one line of JSON, real ports, and an end when it is told to."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.lab.world.listings import BINANCE, DERIBIT

WAIT_S = 30


class Served:
    """The process and what it said of itself."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "holdfast", "world", "serve", "--json", "--seed", "3"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said: dict[str, Any] = json.loads(self.process.stdout.readline())

    def ask(self, address: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON at an address."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(address, data), timeout=WAIT_S) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.process.kill()
    made.process.wait(WAIT_S)


def test_one_line_says_where_everything_is(served: Served) -> None:
    venues = served.said["venues"]
    assert set(venues) == {DERIBIT, BINANCE}
    for venue in venues.values():
        assert venue["instruments"]
        assert {"account", "key", "secret", "number"} == set(venue["credentials"][0])
    assert served.ask(f"{venues[DERIBIT]['rest']}/public/get_time")["result"] > 0
    assert served.ask(f"{venues[BINANCE]['rest']}/fapi/v1/time")["serverTime"] > 0


def test_faults_and_shocks_are_set_from_outside_and_unknown_ones_refused(served: Served) -> None:
    control = served.said["control"]
    told = served.ask(f"{control}/faults", {"venue": DERIBIT, "clock_offset_ns": 5})
    assert told["clock_offset_ns"] == 5
    with pytest.raises(urllib.error.HTTPError, match="400"):
        served.ask(f"{control}/faults", {"venue": DERIBIT, "is_haunted": True})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        served.ask(f"{control}/faults", {"venue": DERIBIT, "is_frozen": "very"})
    with pytest.raises(urllib.error.HTTPError, match="404"):
        served.ask(f"{control}/nothing")
    before = served.ask(f"{control}/state")["prices"]["BTC"]
    after = served.ask(f"{control}/shock", {"asset": "BTC", "log_return": -0.1})["BTC"]
    assert after == pytest.approx(before * 0.9048, rel=0.01)
    assert served.ask(f"{control}/orders?venue={DERIBIT}&account=desk") == []


def test_it_ends_when_it_is_told_to(served: Served) -> None:
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(WAIT_S) == 0
    assert served.process.stdout is not None
    assert served.process.stdout.read() == ""
