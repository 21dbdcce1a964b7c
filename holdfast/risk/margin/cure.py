"""Cure: the ways out of a margin call, each carried out on a copy of the account, measured again, priced and compared.

Rules:

1. A top-up adds a coin that is at hand; closing reduces positions at half their spread and the fee, the one that frees most
   headroom for its cost first; a hedge adds one perpetual until headroom suffices. Each ends with headroom measured on the
   account as it then is: a cure that does not reach the target is none, and says how far it comes.
2. What closing pays or costs settles in cash at once, in the settlement currency of the contract.
3. The cheapest cure comes first. Costs are in base currency; holding capital in a top-up costs its own rate.
4. Spreads are those of the marks (bid and ask), else `spread` of the price.
"""

import math
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from holdfast.risk.contract import Contract
from holdfast.risk.legs import compile_legs
from holdfast.risk.margin.base import MarginModel
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Balance, Portfolio, Position, netted
from holdfast.risk.revalue import values

SHARE_TOLERANCE: Final = 1e-6
DOUBLINGS_MAX: Final = 40


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A coin at hand for a top-up. Units: available in units of the coin; haircut of its value; cost of the amount moved.

    `cost` is what moving and holding it costs as a fraction of its value: fees, and the rate of capital while it lies there.
    """

    asset: str
    available: float
    haircut: float = 0.0
    cost: float = 0.0


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What trading costs. Units: fractions of the price; `spread` whole, where no bid and ask are known."""

    fee: float = 0.0005
    spread: float = 0.001
    option_spread: float = 0.05


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do. Units: quantity in units of the coin or contract, signed as traded; cost in base currency."""

    what: str
    quantity: float
    cost: float


class Cure(msgspec.Struct, frozen=True, kw_only=True):
    """A way out that was carried out on paper. Units: base currency (that of the margin model's result for headroom)."""

    kind: Literal["top-up", "close", "hedge"]
    steps: tuple[Step, ...]
    cost: float
    headroom: float


class Cures(msgspec.Struct, frozen=True, kw_only=True):
    """All ways that work, the cheapest first, and why the others do not."""

    headroom: float
    target: float
    cures: tuple[Cure, ...]
    missing: tuple[Missing, ...]


def cures(
    model: MarginModel,
    portfolio: Portfolio,
    market: RiskMarket,
    *,
    target: float = 0.0,
    sources: Iterable[Source] = (),
    perpetuals: Iterable[Contract] = (),
    costs: Costs | None = None,
) -> Cures:
    """Return the ways to bring one account's headroom to a target, the cheapest first; none where it is there already.

    Cost: 20 measurements a coin, one a position for each step of closing, 30 to 60 a perpetual.
    """
    book = _Book(model, market, costs or Costs(), target)
    now = book.headroom(portfolio)
    if now >= target:
        return Cures(headroom=now, target=target, cures=(), missing=())
    found: list[Cure | Missing] = [_top_up(book, portfolio, source) for source in sources]
    if portfolio.positions:
        found.append(_close(book, portfolio, now))
    found += [_hedge(book, portfolio, now, perpetual) for perpetual in perpetuals]
    known = [cure for cure in found if isinstance(cure, Cure)]
    return Cures(
        headroom=now,
        target=target,
        cures=tuple(sorted(known, key=lambda cure: cure.cost)),
        missing=tuple(one for one in found if isinstance(one, Missing)),
    )


class _Book:
    """What every cure needs: the model, prices, costs, and accounts changed on paper."""

    def __init__(self, model: MarginModel, market: RiskMarket, costs: Costs, target: float) -> None:
        self.model = model
        self.market = market
        self.costs = costs
        self.target = target

    def headroom(self, portfolio: Portfolio) -> float:
        return self.model.measure(portfolio, self.market).headroom

    def suffices(self, portfolio: Portfolio) -> bool:
        return self.headroom(portfolio) >= self.target

    def price(self, asset: str) -> float:
        price = self.market.prices.get(asset)
        if price is not None:
            return price.value
        return 1.0 if asset == self.market.base_currency else math.nan

    def trading_cost(self, contract: Contract, quantity: float, worth: float) -> float:
        """Return half the spread and the fee of trading what is worth so much, in base currency."""
        mark = self.market.marks.get(contract.name)
        spread = self.costs.option_spread if contract.kind == "option" else self.costs.spread
        if mark is not None and 0.0 < mark.bid <= mark.ask:
            spread = (mark.ask - mark.bid) / (0.5 * (mark.ask + mark.bid))
        notional = abs(worth)
        if contract.kind == "option":  # venues charge options by the underlying's notional
            return 0.5 * spread * notional + self.costs.fee * abs(quantity) * self.price(contract.asset)
        return (0.5 * spread + self.costs.fee) * notional


def _top_up(book: _Book, portfolio: Portfolio, source: Source) -> Cure | Missing:
    price = book.price(source.asset)
    if not price > 0.0:
        return Missing(source.asset, "price.absent", "it has no price, so it backs nothing")
    venue, account = _key(portfolio)

    def after(amount: float) -> Portfolio:
        added = Balance(
            venue=venue, account=account, asset=source.asset, amount=amount, haircut=source.haircut
        )
        return msgspec.structs.replace(portfolio, balances=_joined(portfolio.balances, added))

    if not book.suffices(after(source.available)):
        reached = book.headroom(after(source.available))
        return Missing(
            source.asset,
            "cure.insufficient",
            f"all {source.available:g} of it bring headroom to {reached:,.2f} only",
        )
    amount = source.available * _least_share(lambda share: book.suffices(after(share * source.available)))
    cost = amount * price * source.cost
    step = Step(what=f"add {source.asset}", quantity=amount, cost=cost)
    return Cure(kind="top-up", steps=(step,), cost=cost, headroom=book.headroom(after(amount)))


def _close(book: _Book, portfolio: Portfolio, now: float) -> Cure | Missing:
    """Close whole positions, the best first, and the last one only as far as needed."""
    worths = _worths(portfolio, book.market)
    steps: list[Step] = []
    current, reached = portfolio, now
    while True:
        best: tuple[float, Position, Portfolio, float] | None = None
        for position in current.positions:
            worth = worths.get(position.contract.symbol)
            if worth is None:
                continue
            after, cost = _reduced(book, current, position, worth, 1.0)
            gain = book.headroom(after) - reached
            score = gain / max(cost, 1e-12)
            if gain > 0.0 and (best is None or score > best[0]):
                best = (score, position, after, cost)
        if best is None:
            reason = f"no position is left whose closing helps: headroom comes to {reached:,.2f}"
            return Missing(portfolio.name, "cure.insufficient", reason)
        _, position, after, cost = best
        share = 1.0
        if book.suffices(after):
            worth, held = worths[position.contract.symbol], current

            def enough(part: float, position: Position = position, held: Portfolio = held) -> bool:
                return book.suffices(
                    _reduced(book, held, position, worths[position.contract.symbol], part)[0]
                )

            share = _least_share(enough)
            after, cost = _reduced(book, held, position, worth, share)
        steps.append(
            Step(what=f"close {position.contract.symbol}", quantity=-share * position.quantity, cost=cost)
        )
        current, reached = after, book.headroom(after)
        if reached >= book.target:
            total = math.fsum(step.cost for step in steps)
            return Cure(kind="close", steps=tuple(steps), cost=total, headroom=reached)


def _hedge(book: _Book, portfolio: Portfolio, now: float, contract: Contract) -> Cure | Missing:
    """Add a perpetual in the direction that helps until headroom suffices; too much of it would hurt again."""
    mark = book.market.marks.get(contract.name)
    if mark is None or not mark.price > 0.0:
        return Missing(contract.name, "mark.absent", "the perpetual has no mark price")
    price = book.price(contract.asset)
    unit = 1.0 if not contract.inverse else mark.price

    def after(quantity: float) -> tuple[Portfolio, float]:
        worth = abs(quantity) * (mark.price * book.price(contract.quote) if not contract.inverse else 1.0)
        cost = book.trading_cost(contract, quantity, worth)
        venue, account = _key(portfolio)
        added = Position(account=account, contract=contract, quantity=quantity, entry_price=mark.price)
        paid = Balance(
            venue=venue, account=account, asset=contract.settle, amount=-cost / book.price(contract.settle)
        )
        return (
            msgspec.structs.replace(
                portfolio,
                positions=netted((*portfolio.positions, added)),
                balances=_joined(portfolio.balances, paid),
            ),
            cost,
        )

    smallest = max(abs(now) + abs(book.target), 1.0) / price * 1e-3 * unit
    best_quantity, best = 0.0, now
    for direction in (1.0, -1.0):
        quantity, previous = direction * smallest, now
        for _ in range(DOUBLINGS_MAX):
            reached = book.headroom(after(quantity)[0])
            if reached > best:
                best_quantity, best = quantity, reached
            if reached >= book.target or reached < previous:
                break
            previous, quantity = reached, 2.0 * quantity
        if best >= book.target:
            break
    if best < book.target and best_quantity:
        best_quantity, best = _peak(
            lambda q: book.headroom(after(q)[0]), 0.5 * best_quantity, 2.0 * best_quantity
        )
    if best < book.target:
        return Missing(
            contract.name, "cure.insufficient", f"hedging with it brings headroom to {best:,.2f} at best"
        )
    quantity = best_quantity * _least_share(lambda share: book.suffices(after(share * best_quantity)[0]))
    changed, cost = after(quantity)
    side = "buy" if quantity > 0.0 else "sell"
    step = Step(what=f"{side} {contract.symbol}", quantity=quantity, cost=cost)
    return Cure(kind="hedge", steps=(step,), cost=cost, headroom=book.headroom(changed))


def _reduced(
    book: _Book, portfolio: Portfolio, position: Position, worth: tuple[float, float], share: float
) -> tuple[Portfolio, float]:
    """Return the account after a share of a position was closed and settled, and what that cost in base currency."""
    value, notional = worth[0] * share, worth[1] * share
    contract = position.contract
    cost = book.trading_cost(contract, position.quantity * share, notional)
    left = msgspec.structs.replace(position, quantity=position.quantity * (1.0 - share))
    positions = tuple(left if one is position else one for one in portfolio.positions)
    paid = Balance(
        venue=contract.venue,
        account=position.account,
        asset=contract.settle,
        amount=(value - cost) / book.price(contract.settle),
    )
    return (
        msgspec.structs.replace(
            portfolio,
            positions=tuple(one for one in positions if one.quantity != 0.0),
            balances=_joined(portfolio.balances, paid),
        ),
        cost,
    )


def _worths(portfolio: Portfolio, market: RiskMarket) -> dict[str, tuple[float, float]]:
    """Return each position's value and what trading it moves, in base currency, by symbol; unpriced ones are absent."""
    legs = compile_legs(portfolio, market)
    worths: dict[str, tuple[float, float]] = {}
    for leg, value in zip(legs.legs, values(legs).tolist(), strict=True):
        number = int(leg["position"])
        if number >= len(portfolio.positions):
            continue
        position = portfolio.positions[number]
        contract = position.contract
        forward = float(leg["ratio"] * legs.prices[leg["asset"]] / legs.prices[leg["quote"]])
        quote = float(legs.prices[leg["quote"]])
        if contract.kind == "option":
            notional = abs(value)
        elif contract.inverse:
            notional = abs(position.quantity) * quote
        else:
            notional = abs(position.quantity) * forward * quote
        worths[contract.symbol] = (value, notional)
    return worths


def _joined(balances: tuple[Balance, ...], added: Balance) -> tuple[Balance, ...]:
    """Return balances with one more amount: in the balance of its asset where there is one."""
    kept = list(balances)
    for number, one in enumerate(kept):
        if one.key == added.key and one.asset == added.asset:
            kept[number] = msgspec.structs.replace(one, amount=one.amount + added.amount)
            return tuple(kept)
    return (*kept, added)


def _least_share(enough: Callable[[float], bool]) -> float:
    """Return the least share of 1 that is enough, from above: what is returned is enough."""
    low, high = 0.0, 1.0
    while high - low > SHARE_TOLERANCE:
        middle = 0.5 * (low + high)
        if enough(middle):
            high = middle
        else:
            low = middle
    return high


def _peak(f: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Return where a function with one top is highest, and its value: golden section."""
    ratio = 0.5 * (math.sqrt(5.0) - 1.0)
    for _ in range(30):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if f(left) >= f(right):
            high = right
        else:
            low = left
    middle = 0.5 * (low + high)
    return middle, f(middle)


def _key(portfolio: Portfolio) -> tuple[str, str]:
    for part in (portfolio.accounts, portfolio.positions, portfolio.balances):
        for one in part:
            return one.key
    return "", ""
