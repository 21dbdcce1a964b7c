"""The simulated exchange: one `Exchange` is one venue; pure, deterministic, time only by `advance`.

Rules:

1. Integer ticks and lots inside, exact decimals at the face, money in integers of 1e-15 of an asset. Same calls, same
   result: there is no randomness and no clock inside.
2. A refusal is a value: `Refused(code, message)`, its code one of `RefusalCode`. Nothing was done then.
3. Quantities are in the unit the venue counts amounts in: coins, or quote units (dollars) where `inverse`. An inverse
   option counts coins and is priced in coins. `contract_size` is told to clients, never multiplied in.
4. What happened stands in `take_news()`, in order; each struct is a copy that later events don't touch.
5. `Exchange(...)` opens nothing: `open_account`, `deposit`, `set_index`, then orders. Marks exist once an index is set.
"""

from holdfast.lab.world.exchange.engine import Exchange
from holdfast.lab.world.exchange.listing import ExchangeSettings, Listing
from holdfast.lab.world.exchange.news import (
    AccountCancelled,
    BalanceMoved,
    BookMoved,
    Executed,
    FundingPaid,
    InstrumentExpired,
    Liquidated,
    News,
    OrderMoved,
    PositionMoved,
    Printed,
    TickerMoved,
)
from holdfast.lab.world.exchange.views import (
    Balance,
    Book,
    Fill,
    Greeks,
    Order,
    OrderRequest,
    Position,
    RefusalCode,
    Refused,
    Ticker,
    Trade,
    Transfer,
)

__all__ = [
    "AccountCancelled",
    "Balance",
    "BalanceMoved",
    "Book",
    "BookMoved",
    "Exchange",
    "ExchangeSettings",
    "Executed",
    "Fill",
    "FundingPaid",
    "Greeks",
    "InstrumentExpired",
    "Liquidated",
    "Listing",
    "News",
    "Order",
    "OrderMoved",
    "OrderRequest",
    "Position",
    "PositionMoved",
    "Printed",
    "RefusalCode",
    "Refused",
    "Ticker",
    "TickerMoved",
    "Trade",
    "Transfer",
]
