"""Treasury: money into, out of and between accounts, and how an account's margin is arranged.

Rules:

1. Amounts are whole multiples of 1e-15 of the asset. What can leave is money that no requirement needs: unrealised profit
   can't be taken out.
2. A transfer with a nonce that its source has used before is the earlier transfer: told again, not done again.
"""

from decimal import Decimal

from holdfast.error import CallerError
from holdfast.lab.world.exchange.account import Account, Holding, Pool
from holdfast.lab.world.exchange.margin import Margin
from holdfast.lab.world.exchange.news import BalanceMoved, PositionMoved
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR, Refused, Transfer


class Treasury:
    """Moves money and changes leverage and isolation."""

    def __init__(self, state: VenueState, margin: Margin) -> None:
        self._state = state
        self._margin = margin
        self._nonces: dict[tuple[str, str], Transfer] = {}
        self._transfer_count = 0

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money in. Raises: CallerError for an unknown account or an amount that is not positive."""
        minor = _minor(amount)
        if minor <= 0:
            raise CallerError("deposit.amount", f"a deposit is positive, not {amount}")
        self._state.brought[asset] = self._state.brought.get(asset, 0) + minor
        self._move(self._account(account).pool(asset), minor, "deposit")

    def withdraw(self, account: str, asset: str, amount: Decimal) -> Decimal | Refused:
        """Take money out."""
        pool = self._account(account).pool(asset)
        refused = self._refuse(pool, amount)
        if refused is not None:
            return refused
        minor = _minor(amount)
        self._state.brought[asset] = self._state.brought.get(asset, 0) - minor
        self._move(pool, -minor, "withdrawal")
        return Decimal(pool.money).scaleb(-15)

    def transfer(
        self, source: str, target: str, asset: str, amount: Decimal, nonce: str
    ) -> Transfer | Refused:
        """Move money between accounts."""
        giver, taker = self._state.accounts.get(source), self._state.accounts.get(target)
        if giver is None or taker is None or giver is taker:
            return Refused("unknown_account", f"there is no way from {source} to {target}")
        known = self._nonces.get((source, nonce)) if nonce else None
        if known is not None:
            return known
        refused = self._refuse(giver.pool(asset), amount)
        if refused is not None:
            return refused
        self._transfer_count += 1
        transfer = Transfer(
            transfer_id=self._transfer_count,
            time_ns=self._state.now_ns,
            source=source,
            target=target,
            asset=asset,
            amount=amount,
            nonce=nonce,
        )
        if nonce:
            self._nonces[source, nonce] = transfer
        giver.transfers.append(transfer)
        taker.transfers.append(transfer)
        self._move(giver.pool(asset), -_minor(amount), "transfer")
        self._move(taker.pool(asset), _minor(amount), "transfer")
        return transfer

    def set_leverage(self, holding: Holding, leverage: Decimal) -> Decimal | Refused:
        """Set the leverage of a holding."""
        highest = 1.0 / holding.contract.im
        if holding.contract.is_option or not 1 <= leverage <= Decimal(str(round(highest, 6))):
            return Refused("bad_leverage", f"leverage is from 1 to {highest:g}, and options have none")
        before, earlier = holding.im, holding.leverage
        holding.leverage = float(leverage)
        holding.im = 1.0 / holding.leverage
        pool = holding.account.pool(holding.contract.settle)
        pool.touch()
        holding.pool.touch()
        if holding.im > before and holding.pool.own is None and self._margin.available(pool) < 0.0:
            holding.im, holding.leverage = before, earlier
            pool.touch()
            return Refused("insufficient_margin", "the position needs more margin at that leverage")
        return leverage

    def set_isolated(self, holding: Holding, isolated: bool) -> Refused | None:
        """Give a holding a pool of its own, or put it into the crossed one."""
        if isolated == holding.is_isolated:
            return None
        busy = holding.lots or holding.buy_lots or holding.sell_lots or holding.reduce
        if busy or holding.account.mode == "portfolio" or holding.contract.is_option:
            return Refused("position_open", "the margin mode changes only while flat and without orders")
        crossed = holding.account.pool(holding.contract.settle)
        if isolated:
            crossed.holdings.remove(holding)
            crossed.isolated.append(holding)
            holding.pool = Pool(holding.account, crossed.asset, holding)
        else:
            crossed.isolated.remove(holding)
            crossed.holdings.append(holding)
            holding.pool = crossed
        crossed.touch()
        return None

    def add_margin(self, holding: Holding, amount: Decimal) -> Refused | None:
        """Move money between the crossed pool and an isolated position."""
        if not holding.is_isolated or not holding.lots:
            return Refused("bad_amount", "there is no isolated position")
        crossed = holding.account.pool(holding.contract.settle)
        minor = _minor(amount)
        if minor == 0:
            return Refused("bad_amount", "an amount is not zero")
        if minor > 0:
            refused = self._refuse(crossed, amount)
        else:
            health = self._margin.measure(holding.pool)
            spare = min(health.equity - health.im, holding.pool.money / MINOR)
            refused = (
                Refused("insufficient_funds", "the position needs it") if -minor > spare * MINOR else None
            )
        if refused is not None:
            return refused
        crossed.money -= minor
        holding.pool.money += minor
        crossed.touch()
        holding.pool.touch()
        self._state.news.append(
            PositionMoved(holding.account.name, holding.contract.symbol, self._state.now_ns)
        )
        return None

    def fund(self, asset: str, amount: Decimal) -> None:
        """Bring money into the insurance fund."""
        state = self._state
        minor = _minor(amount)
        state.insurance[asset] = state.insurance.get(asset, 0) + minor
        state.brought[asset] = state.brought.get(asset, 0) + minor

    def discrepancy(self, asset: str) -> int:
        """Return money in accounts, fees and insurance less what was brought in, in 1e-15."""
        state = self._state
        total = state.insurance.get(asset, 0) + state.fees.get(asset, 0) - state.brought.get(asset, 0)
        for account in state.accounts.values():
            crossed = account.pools.get(asset)
            total += crossed.money if crossed is not None else 0
            for holding in account.holdings.values():
                contract = holding.contract
                if contract.settle != asset:
                    continue
                total += holding.pending_funding() + (holding.pool.money if holding.is_isolated else 0)
                total -= 0 if contract.is_option else holding.cost
        return total

    def free(self, pool: Pool) -> int:
        """Return what can leave a pool, in 1e-15."""
        health = self._margin.measure(pool)
        spare = self._margin.backing(pool, health)
        if health.im == 0.0 and spare * MINOR >= pool.money:
            return max(pool.money, 0)
        return max(min(pool.money, int((spare - health.im) * MINOR)), 0)

    def _refuse(self, pool: Pool, amount: Decimal) -> Refused | None:
        minor = _minor(amount)
        if minor <= 0:
            return Refused("bad_amount", f"an amount is positive, not {amount}")
        if minor > self.free(pool):
            return Refused("insufficient_funds", f"not as much as {amount} {pool.asset} is free")
        return None

    def _move(self, pool: Pool, minor: int, because: str) -> None:
        pool.money += minor
        pool.touch()
        news = BalanceMoved(pool.account.name, pool.asset, self._state.now_ns, minor, because)
        self._state.news.append(news)

    def _account(self, name: str) -> Account:
        account = self._state.accounts.get(name)
        if account is None:
            raise CallerError("account.unknown", f"there is no account {name}", remedy="open_account first")
        return account


def _minor(amount: Decimal) -> int:
    if not amount.is_finite():
        return 0
    return int(amount.scaleb(15))
