"""Answers about an account: positions, balances, worth. Floats are rounded to 1e-8 of an asset where they become money."""

from decimal import Decimal

from holdfast.lab.world.exchange.account import Account, Holding, Pool
from holdfast.lab.world.exchange.margin import Margin
from holdfast.lab.world.exchange.marks import Marks
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR, Balance, Position, from_minor


class AccountAnswers:
    """Shows what accounts hold and are worth."""

    def __init__(self, state: VenueState, marks: Marks, margin: Margin) -> None:
        self._state = state
        self._marks = marks
        self._margin = margin

    def position(self, holding: Holding) -> Position:
        """Return one position."""
        contract = self._marks.fresh(holding.contract)
        lots = holding.lots
        unit = contract.mark_unit
        cost = holding.cost / MINOR
        im, mm, orders = self._requirements(holding)
        delta = lots * contract.lot_size
        sensitivities = (0.0, 0.0, 0.0)
        if contract.is_option:
            scale = delta
            delta *= contract.greeks[0]
            sensitivities = tuple(scale * greek for greek in contract.greeks[1:4])
        elif contract.is_reciprocal:
            delta = delta / contract.mark if contract.mark else 0.0
        gamma, vega, theta = sensitivities
        entry = contract.price_at(cost / lots) if lots else 0.0
        return Position(
            instrument=contract.symbol,
            quantity=lots * contract.lot,
            entry_price=float(f"{entry:.10g}"),
            mark=contract.mark,
            index=self._state.index(contract.base),
            value=abs(lots * unit),
            unrealised=lots * unit - cost,
            realised=holding.realised / MINOR,
            funding=(holding.funding + holding.pending_funding()) / MINOR,
            initial_margin=im,
            maintenance_margin=mm,
            open_orders_margin=orders,
            liquidation_price=self.liquidation_price(holding),
            leverage=holding.leverage,
            isolated=holding.is_isolated,
            isolated_margin=holding.pool.money / MINOR if holding.is_isolated else 0.0,
            delta=delta,
            gamma=gamma,
            vega=vega,
            theta=theta,
            updated_ns=holding.updated_ns,
        )

    def liquidation_price(self, holding: Holding) -> float:
        """Return the mark at which the pool no longer meets its maintenance, all else equal; 0 where there is none."""
        contract, lots = holding.contract, holding.lots
        pool = holding.pool
        if not lots or contract.is_option or (pool.account.mode == "portfolio" and pool.own is None):
            return 0.0
        health = self._margin.measure(pool)
        own = contract.mm * abs(lots * contract.mark_unit)
        others = health.mm - own
        slope = contract.mm * abs(lots) * (-1.0 if contract.is_reciprocal else 1.0)
        value = lots * contract.mark_unit - self._margin.backing(pool, health) + others
        price = contract.price_at(value / (lots - slope))
        return price if 0.0 < price < contract.mark * 1e3 else 0.0

    def balance(self, account: Account, asset: str) -> Balance:
        """Return one balance."""
        pool = account.pool(asset)
        health = self._margin.measure(pool)
        equity, im, mm = health.equity, health.im, health.mm
        unrealised = health.unrealised
        isolated = 0
        for holding in pool.isolated:
            own = self._margin.measure(holding.pool)
            isolated += holding.pool.money
            equity += own.equity
            im += own.im
            mm += own.mm
            unrealised += own.unrealised
        spare = self._margin.backing(pool, health) - health.im
        available = pool.money if self._is_idle(pool) else int(spare * MINOR)
        is_whole = self._is_idle(pool) and not isolated
        return Balance(
            asset=asset,
            amount=from_minor(pool.money + isolated),
            available=from_minor(max(available, 0)),
            equity=from_minor(pool.money) if is_whole else _money(equity),
            initial_margin=_money(im),
            maintenance_margin=_money(mm),
            unrealised=_money(unrealised),
            options_value=_money(health.options),
            isolated_margin=from_minor(isolated),
            delta=self._delta(account, asset),
            portfolio_margin=account.mode == "portfolio",
        )

    def equity_usd(self, account: Account) -> float:
        """Return what an account is worth in dollars."""
        total = 0.0
        for asset, pool in account.pools.items():
            equity = self._margin.measure(pool).equity
            equity += sum(self._margin.measure(holding.pool).equity for holding in pool.isolated)
            total += equity * self._state.index(asset)
        return total

    def _requirements(self, holding: Holding) -> tuple[float, float, float]:
        """Return what one holding asks for alone: initial without orders, maintenance, and orders."""
        alone = Pool(holding.account, holding.pool.asset)
        alone.holdings = [holding]
        alone.has_options = holding.contract.is_option
        health = self._margin.measure(alone)
        orders = health.orders
        if holding.is_isolated:
            orders = holding.im * abs(holding.contract.mark_unit) * (holding.exposure() - abs(holding.lots))
        return health.im - health.orders, health.mm, orders

    @staticmethod
    def _is_idle(pool: Pool) -> bool:
        return not any(h.lots or h.buy_lots or h.sell_lots for h in (*pool.holdings, *pool.isolated))

    def _delta(self, account: Account, asset: str) -> float:
        total = 0.0
        for holding in account.holdings.values():
            contract = holding.contract
            if holding.lots and contract.settle == asset:
                delta = holding.lots * contract.lot_size
                if contract.is_option:
                    delta *= contract.greeks[0]
                elif contract.is_reciprocal:
                    delta = delta / contract.mark
                total += delta
        return total


def _money(amount: float) -> Decimal:
    return Decimal(round(amount * 1e8)).scaleb(-8)
