"""Marks: index plus the clipped average of what the book says, and Black-76 on the forward for options.

Rules:

1. Perpetuals and futures: mark = index + basis, where basis is the exponential average (`mark_ema_s`) of mid less index,
   within `mark_clip_*` of the index. A book with an empty side leaves the basis where it was.
2. Options: Black-76 on the mark of the future with the same expiry, else on the index, at the asset's volatility with a
   fixed smile in standard deviations of moneyness. They are computed when somebody asks, all of an asset at once.
3. `travel` grows by the largest relative move of any mark or index: what was measured since is right within that.
"""

import math
from typing import Final

import numpy as np
from numba import get_num_threads, set_num_threads

from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.state import VenueState
from holdfast.risk.pricing.black76 import black76_greeks

YEAR_S: Final = 365.0 * 86_400.0
IV_MIN: Final = 0.05


class OptionGroup:
    """The options of one asset, marked together when somebody asks after a move."""

    __slots__ = ("contracts", "index", "is_marked", "is_stale", "signs", "strikes")

    def __init__(self) -> None:
        self.contracts: list[Contract] = []
        self.is_stale = True
        self.is_marked = False  # every contract has had a mark
        self.index = 0.0  # as it was when marks were last moved
        self.strikes = np.empty(0)
        self.signs = np.empty(0)


class Marks:
    """Keeps the marks of all contracts."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self.groups: dict[str, OptionGroup] = {}
        self._futures: dict[str, list[Contract]] = {}

    def add(self, contract: Contract) -> None:
        """Mark a contract from now on."""
        if contract.is_option:
            group = self.groups.setdefault(contract.base, OptionGroup())
            group.contracts.append(contract)
            self._shape(group)
        else:
            self._futures.setdefault(contract.base, []).append(contract)
            self._first(contract)

    def remove(self, contract: Contract) -> None:
        """Mark a contract no longer."""
        if contract.is_option:
            group = self.groups[contract.base]
            group.contracts.remove(contract)
            self._shape(group)
        else:
            self._futures[contract.base].remove(contract)

    def index_set(self, asset: str) -> None:
        """Give contracts that have no mark yet their first one."""
        for contract in self._futures.get(asset, ()):
            if contract.mark == 0.0:
                self._first(contract)
        group = self.groups.get(asset)
        if group is not None:
            group.is_stale = True
            if not group.is_marked:
                self.refresh(group)

    def update(self) -> None:
        """Move the marks of perpetuals and futures to now; options' are stale then."""
        state = self._state
        settings = state.settings
        now = state.now_ns
        largest = 0.0
        for asset, contracts in self._futures.items():
            index = state.index(asset)
            if index <= 0.0:
                continue
            for contract in contracts:
                mid = contract.mid
                if mid > 0.0:
                    weight = -math.expm1((contract.mark_ns - now) * 1e-9 / settings.mark_ema_s)
                    contract.basis += weight * (mid - index - contract.basis)
                contract.mark_ns = now
                perpetual = contract.listing.kind == "perpetual"
                clip = index * (settings.mark_clip_perpetual if perpetual else settings.mark_clip_future)
                basis = min(max(contract.basis, -clip), clip)
                mark = index + basis
                contract.premium = basis / index
                before = contract.mark
                if mark != before:
                    move = abs(mark / before - 1.0)
                    if move > largest:
                        largest = move
                    contract.set_mark(mark)
        for asset, group in self.groups.items():
            group.is_stale = True
            index = state.index(asset)
            if group.index > 0.0:
                largest = max(largest, abs(index / group.index - 1.0))
            group.index = index
        state.travel += largest

    def fresh(self, contract: Contract) -> Contract:
        """Return a contract with its mark as of now."""
        if contract.is_option:
            group = self.groups[contract.base]
            if group.is_stale:
                self.refresh(group)
        return contract

    def refresh_all(self) -> None:
        """Bring the marks of all options up to date."""
        for group in self.groups.values():
            if group.is_stale:
                self.refresh(group)

    def refresh(self, group: OptionGroup) -> None:
        """Mark all options of an asset."""
        group.is_stale = False
        contracts = group.contracts
        if not contracts:
            return
        state = self._state
        asset = contracts[0].base
        index = state.index(asset)
        if index <= 0.0:
            return
        group.is_marked = True
        dated = {c.listing.expiry_ns: c.mark for c in self._futures.get(asset, ()) if c.listing.expiry_ns}
        forwards = np.array([dated.get(c.listing.expiry_ns) or index for c in contracts])
        expiries = np.array([c.listing.expiry_ns for c in contracts], dtype=np.float64)
        years = np.maximum(expiries - state.now_ns, 0.0) * 1e-9 / YEAR_S
        volatilities = self._smile(asset, forwards, group.strikes, years)
        greeks = _greeks(forwards, group.strikes, years, volatilities, group.signs)
        rows = greeks.T.tolist()
        for contract, forward, volatility, row in zip(
            contracts, forwards.tolist(), volatilities.tolist(), rows, strict=True
        ):
            contract.underlying = forward
            contract.mark_iv = volatility
            price, delta, gamma, vega, theta, rho = row
            contract.greeks = (delta, gamma, vega / 100.0, theta / 365.0, rho / 100.0)
            contract.set_mark(
                max(price / forward if contract.listing.inverse else price, contract.tick_size * 1e-3)
            )

    def _smile(self, asset: str, forwards: np.ndarray, strikes: np.ndarray, years: np.ndarray) -> np.ndarray:
        settings = self._state.settings
        price = self._state.prices.get(asset)
        at_money = price.volatility if price is not None else 0.6
        away = np.log(strikes / forwards) / (at_money * np.sqrt(np.maximum(years, 1.0 / 365.0)))
        away = np.clip(away, -4.0, 4.0)
        shape = 1.0 + settings.smile_skew * away + settings.smile_curvature * away * away
        return np.maximum(at_money * shape, IV_MIN)

    def _first(self, contract: Contract) -> None:
        index = self._state.index(contract.base)
        if contract.mark == 0.0 and index > 0.0:
            contract.mark_ns = self._state.now_ns
            contract.set_mark(index)

    def _shape(self, group: OptionGroup) -> None:
        group.is_stale = True
        group.is_marked = False
        group.strikes = np.array([float(c.listing.strike) for c in group.contracts])
        group.signs = np.array([1.0 if c.listing.option_type == "call" else -1.0 for c in group.contracts])


def _greeks(
    forwards: np.ndarray, strikes: np.ndarray, years: np.ndarray, volatilities: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """Price a chain on this thread alone: it is small, and waiting for other threads costs more than the work."""
    threads = get_num_threads()
    set_num_threads(1)
    try:
        return black76_greeks(forwards, strikes, years, volatilities, signs, np.ones(len(forwards)))[0]
    finally:
        set_num_threads(threads)
