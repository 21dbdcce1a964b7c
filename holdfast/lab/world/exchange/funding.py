"""Funding: what longs of a perpetual pay to shorts so that it stays near its index.

Rules:

1. `continuous` (Deribit): the rate of eight hours is the premium beyond 0.025 % either way, at most 0.5 %, and accrues with
   time on the notional at the index; booked when a position changes and at 08:00 UTC.
2. `interval` (Binance): each eight hours (00, 08, 16 UTC) the average premium plus the interest of 0.01 % less it, that
   part within 0.05 %, at most 2 %, on the notional at the mark, booked at once.
3. What one lot pays is an integer, so longs and shorts add up to nothing.

Source: deribit.com perpetual specification (premium rate, 0.025 % damper); Binance futures funding rate formula.
"""

from typing import Final

from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.listing import HOUR_NS
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR

INTERVAL_NS: Final = 8 * HOUR_NS
DAMPER: Final = 0.00025
CONTINUOUS_RATE_MAX: Final = 0.005
INTEREST: Final = 0.0001
INTEREST_MOVE_MAX: Final = 0.0005
INTERVAL_RATE_MAX: Final = 0.02


class Funding:
    """Accrues and settles funding."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self._is_continuous = state.settings.funding == "continuous"
        self._perpetuals: list[Contract] = []
        self._since_ns: dict[str, int] = {}  # when the average of the running interval began
        state.at(self.next_ns(), self._settle)

    def add(self, contract: Contract) -> None:
        """Fund a perpetual from now on."""
        contract.premium_ns = self._since_ns[contract.symbol] = self._state.now_ns
        self._perpetuals.append(contract)

    def next_ns(self) -> int:
        """Return when funding is next settled."""
        return (self._state.now_ns // INTERVAL_NS + 1) * INTERVAL_NS

    def accrue(self) -> None:
        """Bring every perpetual up to now, with its mark as it was since the last time."""
        state = self._state
        now = state.now_ns
        for contract in self._perpetuals:
            past_ns = now - contract.premium_ns
            index = state.index(contract.base)
            if past_ns <= 0 or index <= 0.0:
                continue
            premium = contract.premium
            if not self._is_continuous:
                contract.premium_sum += premium * past_ns
                contract.premium_ns = now
                contract.funding_rate = self._rate_of(self._average(contract))
                continue
            contract.premium_ns = now
            rate = max(DAMPER, premium) + min(-DAMPER, premium)
            rate = min(max(rate, -CONTINUOUS_RATE_MAX), CONTINUOUS_RATE_MAX)
            contract.funding_rate = rate
            if rate:
                notional = abs(contract.unit_at(index))
                contract.funding_index += round(rate * notional * MINOR * past_ns / INTERVAL_NS)

    def _settle(self, due_ns: int) -> None:
        state = self._state
        state.at(due_ns + INTERVAL_NS, self._settle)
        if self._is_continuous:
            if due_ns % (3 * INTERVAL_NS) != INTERVAL_NS:
                return
            for contract in self._perpetuals:
                for holding in contract.holdings.values():
                    state.settle_funding(holding)
            return
        for contract in self._perpetuals:
            rate = self._rate_of(self._average(contract))
            contract.premium_sum = 0.0
            self._since_ns[contract.symbol] = due_ns
            contract.funding_rate = rate
            contract.funding_index += round(rate * abs(contract.mark_unit) * MINOR)
            for holding in contract.holdings.values():
                state.settle_funding(holding, rate)

    def _average(self, contract: Contract) -> float:
        past_ns = contract.premium_ns - self._since_ns[contract.symbol]
        return contract.premium_sum / past_ns if past_ns > 0 else 0.0

    @staticmethod
    def _rate_of(premium: float) -> float:
        move = min(max(INTEREST - premium, -INTEREST_MOVE_MAX), INTEREST_MOVE_MAX)
        return min(max(premium + move, -INTERVAL_RATE_MAX), INTERVAL_RATE_MAX)
