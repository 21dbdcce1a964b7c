"""What the venues of the world list when it starts: perpetuals, dated futures, and a small chain of options.

Dated instruments are named by the time at which the world starts: the Friday that is at least three days away, and the last
Friday of the quarter that is at least three weeks away; both at 08:00 UTC.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from holdfast.clock import DAY_NS, SECOND_NS
from holdfast.lab.world.exchange import Listing

DERIBIT: Final = "deribit"
BINANCE: Final = "binance-usdm"
VENUES: Final = (DERIBIT, BINANCE)

_FRIDAY: Final = 4
_AGE_NS: Final = 30 * DAY_NS
_STRIKES: Final = (Decimal("0.9"), Decimal("0.95"), Decimal(1), Decimal("1.05"), Decimal("1.1"))
_STRIKE_STEP: Final = Decimal(1000)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def week_end_ns(start_ns: int) -> int:
    """Return the first Friday, 08:00 UTC, that is at least three days after a time.

    >>> datetime.fromtimestamp(week_end_ns(1_760_000_000 * SECOND_NS) / 1e9, UTC).isoformat()
    '2025-10-17T08:00:00+00:00'
    """
    day = _moment(start_ns) + timedelta(days=3)
    friday = (day + timedelta(days=(_FRIDAY - day.weekday()) % 7)).replace(
        hour=8, minute=0, second=0, microsecond=0
    )
    return _ns(friday if friday >= day else friday + timedelta(days=7))


def quarter_end_ns(start_ns: int) -> int:
    """Return the last Friday of a quarter, 08:00 UTC, the first that is at least three weeks after a time.

    >>> datetime.fromtimestamp(quarter_end_ns(1_760_000_000 * SECOND_NS) / 1e9, UTC).isoformat()
    '2025-12-26T08:00:00+00:00'
    """
    moment = _moment(start_ns) + timedelta(weeks=3)
    year, month = moment.year, (moment.month + 2) // 3 * 3
    while True:
        after = datetime(year + month // 12, month % 12 + 1, 1, 8, tzinfo=UTC)
        last = after - timedelta(days=(after.weekday() - _FRIDAY - 1) % 7 + 1)
        if last >= moment:
            return _ns(last)
        year, month = (year + 1, 3) if month == 12 else (year, month + 3)


def deribit_date(expiry_ns: int) -> str:
    """Return a date as Deribit spells it in names: `5DEC25`."""
    moment = _moment(expiry_ns)
    return f"{moment.day}{_MONTHS[moment.month - 1]}{moment:%y}"


def deribit_listings(start_ns: int, prices: Mapping[str, float]) -> list[Listing]:
    """Return what Deribit lists; strikes are around the index of bitcoin."""
    week, quarter = week_end_ns(start_ns), quarter_end_ns(start_ns)
    btc = Listing(
        symbol="BTC-PERPETUAL",
        kind="perpetual",
        base="BTC",
        quote="USD",
        settle="BTC",
        inverse=True,
        contract_size=Decimal(10),
        tick=Decimal("0.5"),
        lot=Decimal(10),
        maker_fee=Decimal(0),
        taker_fee=Decimal("0.0005"),
        created_ns=start_ns - _AGE_NS,
    )
    eth = replace(
        btc,
        symbol="ETH-PERPETUAL",
        base="ETH",
        settle="ETH",
        contract_size=Decimal(1),
        tick=Decimal("0.05"),
        lot=Decimal(1),
    )
    linear = replace(
        btc,
        symbol="BTC_USDC-PERPETUAL",
        quote="USDC",
        settle="USDC",
        inverse=False,
        contract_size=Decimal("0.001"),
        tick=Decimal(1),
        lot=Decimal("0.001"),
    )
    dated = [
        replace(btc, symbol=f"BTC-{deribit_date(expiry)}", kind="future", expiry_ns=expiry)
        for expiry in (week, quarter)
    ]
    return [btc, eth, linear, *dated, *_options(start_ns - _AGE_NS, prices["BTC"], (week, quarter))]


def binance_listings(start_ns: int) -> list[Listing]:
    """Return what Binance's USD-M market lists."""
    quarter = quarter_end_ns(start_ns)
    perpetuals = [
        Listing(
            symbol=f"{base}USDT",
            kind="perpetual",
            base=base,
            quote="USDT",
            settle="USDT",
            inverse=False,
            contract_size=Decimal(1),
            tick=Decimal(tick),
            lot=Decimal(lot),
            initial_margin=Decimal("0.05"),
            maintenance_margin=Decimal("0.025"),
            created_ns=start_ns - _AGE_NS,
        )
        for base, tick, lot in (("BTC", "0.1", "0.001"), ("ETH", "0.01", "0.001"), ("SOL", "0.01", "0.1"))
    ]
    name = f"BTCUSDT_{_moment(quarter):%y%m%d}"
    return [*perpetuals, replace(perpetuals[0], symbol=name, kind="future", expiry_ns=quarter)]


def _options(created_ns: int, price: float, expiries: tuple[int, ...]) -> list[Listing]:
    return [
        Listing(
            symbol=f"BTC-{deribit_date(expiry)}-{strike}-{letter}",
            kind="option",
            base="BTC",
            quote="BTC",
            settle="BTC",
            inverse=True,
            contract_size=Decimal(1),
            tick=Decimal("0.0001"),
            lot=Decimal("0.1"),
            expiry_ns=expiry,
            strike=strike,
            option_type="call" if letter == "C" else "put",
            initial_margin=Decimal("0.15"),
            maintenance_margin=Decimal("0.075"),
            maker_fee=Decimal("0.0003"),
            taker_fee=Decimal("0.0003"),
            created_ns=created_ns,
        )
        for expiry in expiries
        for strike in sorted(
            {round(Decimal(price) * part / _STRIKE_STEP) * _STRIKE_STEP for part in _STRIKES}
        )
        for letter in "CP"
    ]


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC)


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND_NS
