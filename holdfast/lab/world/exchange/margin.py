"""Margin: what a pool is worth, what it must hold, and whether an order fits.

Rules:

1. Futures: a fraction of notional for the largest position that open orders could make (initial) and for the position
   (maintenance). Isolated holdings: the same on a pool of their own, and the crossed pool backs their orders.
2. Options, standard: nothing for long ones, whose value backs nothing; short ones their mark plus the larger of (fraction
   less how far out of the money) and two thirds of the fraction, of the underlying; maintenance the mark plus the fraction.
   Open buys ask for their premium. Portfolio: see `portfolio_margin`.
3. An order is judged before it is matched: more exposure times the fraction, the fee, and what it gives up against the mark.
   An order that can only reduce always fits.
4. `slack` is a lower bound of what is available since the pool was last measured: an order within it needs no measuring, and
   none is refused without.
"""

from typing import Final

from holdfast.lab.world.exchange.account import Holding, Pool
from holdfast.lab.world.exchange.contract import RATE_ONE
from holdfast.lab.world.exchange.marks import Marks
from holdfast.lab.world.exchange.portfolio_margin import portfolio_requirement
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR

MOVE_CONVEXITY: Final = 1.3  # of inverse values within a move of a fifth
MOVE_MAX: Final = 0.2


class Health:
    """A pool as it stands, in its asset."""

    __slots__ = ("equity", "im", "mm", "options", "orders", "unrealised")

    def __init__(self) -> None:
        self.equity = 0.0  # money, unrealised profit, pending funding and option values
        self.unrealised = 0.0
        self.options = 0.0
        self.orders = 0.0  # the part of `im` that open orders ask for
        self.im = 0.0
        self.mm = 0.0


class Margin:
    """The venue's margin rules."""

    def __init__(self, state: VenueState, marks: Marks) -> None:
        self._state = state
        self._marks = marks

    def measure(self, pool: Pool) -> Health:
        """Return a pool's value and requirements."""
        if pool.has_options:
            self._marks.refresh_all()
        health = Health()
        unrealised = options = gross = 0.0
        portfolio = pool.account.mode == "portfolio" and pool.own is None
        has_options = False
        for holding in pool.holdings:
            lots = holding.lots
            if not lots and not holding.buy_lots and not holding.sell_lots:
                continue
            contract = holding.contract
            unit = contract.mark_unit
            if contract.is_option:
                has_options = True
                options += lots * unit
                if not portfolio:
                    self._option(holding, health)
                gross += contract.lot_size * self._coin(holding) * holding.exposure()
                continue
            unrealised += lots * unit + (holding.pending_funding() - holding.cost) / MINOR
            notional = abs(unit)
            exposure = holding.exposure() if pool.own is None else abs(lots)
            gross += notional * exposure * (1.0 + holding.im)
            if not portfolio:
                own = holding.im * notional * exposure
                health.im += own
                health.orders += own - holding.im * notional * abs(lots)
                health.mm += contract.mm * notional * abs(lots)
        for holding in pool.isolated:
            beyond = holding.exposure() - abs(holding.lots)
            if beyond:
                own = holding.im * abs(holding.contract.mark_unit) * beyond
                gross += own
                health.im += own
                health.orders += own
        if portfolio:
            im, mm, orders = portfolio_requirement(self._state, pool)
            health.im += im
            health.mm += mm
            health.orders += orders
        health.unrealised = unrealised
        health.options = options
        health.equity = pool.money / MINOR + unrealised + options
        pool.gross = gross
        pool.has_options = has_options
        return health

    def backing(self, pool: Pool, health: Health) -> float:
        """Return the part of a pool's equity that stands against its requirements."""
        if pool.account.mode == "portfolio" and pool.own is None:
            return health.equity
        return health.equity - health.options

    def available(self, pool: Pool) -> float:
        """Return what a pool has beyond its initial margin, and remember it."""
        health = self.measure(pool)
        pool.slack = self.backing(pool, health) - health.im
        pool.slack_travel = self._state.travel
        pool.is_fresh = True
        return pool.slack

    def fits(self, holding: Holding, sign: int, lots: int, ticks: int) -> bool:
        """Tell whether an order fits into what its account has, and set it aside if so."""
        pool = holding.pool if holding.pool.own is None else holding.account.pool(holding.contract.settle)
        portfolio = holding.account.mode == "portfolio" and holding.pool.own is None
        if holding.contract.is_option:
            pool.has_options = True
        more = self._more(holding, sign, lots)
        if more <= 0:
            return True
        need = self._need(holding, sign, lots, ticks, more)
        if portfolio:
            return self._fits_portfolio(pool, holding, sign, lots, ticks)
        if pool.is_fresh:
            moved = self._state.travel - pool.slack_travel
            if (moved == 0.0 or (moved < MOVE_MAX and not pool.has_options)) and (
                need <= pool.slack - MOVE_CONVEXITY * moved * pool.gross
            ):
                pool.slack -= need
                pool.gross += abs(holding.contract.mark_unit) * lots * (1.0 + holding.im)
                return True
        if need > self.available(pool):
            return False
        pool.slack -= need
        pool.gross += abs(holding.contract.mark_unit) * lots * (1.0 + holding.im)
        return True

    def is_due(self, pool: Pool) -> bool:
        """Tell whether a pool's health must be looked at after marks have moved."""
        return self._state.travel >= pool.safe_travel or pool.has_options

    def is_healthy(self, pool: Pool) -> bool:
        """Tell whether a pool meets its maintenance margin, and from which move of marks on to look again."""
        health = self.measure(pool)
        headroom = self.backing(pool, health) - health.mm
        if headroom < 0.0:
            return False
        gross = pool.gross * MOVE_CONVEXITY
        pool.safe_travel = self._state.travel + (
            min(0.5 * headroom / gross, MOVE_MAX) if gross > 0.0 else MOVE_MAX
        )
        return True

    def _coin(self, holding: Holding) -> float:
        """Return the price of one coin of an option's underlying in the settlement asset."""
        listing = holding.contract.listing
        return 1.0 if listing.inverse else self._state.index(listing.base)

    def _option(self, holding: Holding, health: Health) -> None:
        contract = holding.contract
        coin = self._coin(holding) * contract.lot_size
        lots = holding.lots
        if lots < 0:
            health.mm += -lots * (contract.mark_unit + contract.mm * coin)
            health.im += -lots * (contract.mark_unit + self._short_rate(holding) * coin)
        opened = max(holding.sell_lots - max(lots, 0), 0)
        asked = opened * (contract.mark_unit + self._short_rate(holding) * coin) if opened else 0.0
        asked += holding.buy_value * contract.unit_scale / MINOR
        health.im += asked
        health.orders += asked

    def _short_rate(self, holding: Holding) -> float:
        """Return the initial margin of a short option beyond its mark, a fraction of the underlying."""
        contract = holding.contract
        listing = contract.listing
        forward = contract.underlying or self._state.index(listing.base)
        away = float(listing.strike) / forward - 1.0 if forward > 0.0 else 0.0
        away = max(away if listing.option_type == "call" else -away, 0.0)
        return max(contract.im - away, contract.im * 2.0 / 3.0)

    @staticmethod
    def _more(holding: Holding, sign: int, lots: int) -> int:
        """Return how many lots an order opens beyond what is held and asked for."""
        if not holding.contract.is_option:
            after = holding.exposure(lots, 0) if sign > 0 else holding.exposure(0, lots)
            return after - holding.exposure()
        asked = holding.buy_lots if sign > 0 else holding.sell_lots
        closing = max(-sign * holding.lots, 0)
        return max(asked + lots - closing, 0) - max(asked - closing, 0)

    def _need(self, holding: Holding, sign: int, lots: int, ticks: int, more: int) -> float:
        """Return what an order asks for."""
        contract = holding.contract
        unit = contract.unit(ticks) / MINOR
        if contract.is_option:
            coin = self._coin(holding) * contract.lot_size
            fee = contract.taker_rate / RATE_ONE * coin * lots
            if sign > 0:
                return unit * lots + fee
            return more * (contract.mark_unit + self._short_rate(holding) * coin) + fee
        notional = abs(contract.mark_unit)
        loss = max(sign * (unit - contract.mark_unit), 0.0) * lots
        return holding.im * notional * more + loss + contract.taker_rate / RATE_ONE * abs(unit) * lots

    def _fits_portfolio(self, pool: Pool, holding: Holding, sign: int, lots: int, ticks: int) -> bool:
        """Judge an order by the scenarios, as if it rested or was done, whichever is worse."""
        contract = holding.contract
        cost = lots * sign * (contract.unit(ticks) / MINOR - contract.mark_unit)
        holding.ask(sign, lots, ticks)
        health = self.measure(pool)
        holding.ask(sign, -lots, ticks)
        pool.is_fresh = False
        return self.backing(pool, health) - max(cost, 0.0) >= health.im
