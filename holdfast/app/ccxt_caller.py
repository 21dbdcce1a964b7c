"""CcxtCaller: carries out the calls of a `CcxtClient` by ccxt's own connections, inside a running event loop.

Rules:

1. A call is answered with its result as JSON (200), with ccxt's refusal by the name of its class (400), or not at all: an
   error of the network leaves open what was done (`Unanswered`).
2. A move is checked against this machine's clock right before ccxt gets it. That is all the validity there is here.
3. ccxt's own throttle is off: the client counts, and a brake must not stand in a queue.
"""

import asyncio
import time
from typing import Any, Final

import ccxt.pro as ccxtpro
import msgspec
from ccxt.base.errors import DDoSProtection, ExchangeError, NetworkError

from holdfast.app.ccxt_answers import SCHEME
from holdfast.app.ccxt_feed import LEVELS_MAX
from holdfast.error import CallerError
from holdfast.venues.client import Failure, Request

_MARKET_KEYS: Final = (
    "symbol", "type", "base", "quote", "settle", "precision", "contractSize", "inverse", "expiry", "strike", "optionType",
)  # fmt: skip

_call: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Unanswered(Exception):
    """A call ended without an answer: `failure` as a client hears it."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure: Failure = failure
        self.reason = reason


class CcxtCaller:
    """One exchange of ccxt. `options` are ccxt's own settings: urls, sandbox, headers."""

    def __init__(
        self, exchange: str, credentials: tuple[str, str], options: dict[str, Any] | None = None
    ) -> None:
        kind = getattr(ccxtpro, exchange, None)
        if kind is None or exchange not in ccxtpro.exchanges:
            raise CallerError(
                "config.venue", f"ccxt knows no exchange {exchange!r}", remedy="see ccxt.pro.exchanges"
            )
        key, secret = credentials
        settings = {"apiKey": key, "secret": secret, "enableRateLimit": False, "newUpdates": True}
        self._exchange: Any = kind(settings | (options or {}))
        self._exchange.options["warnOnFetchOpenOrdersWithoutSymbol"] = (
            False  # the question of all orders is meant
        )

    async def ask(self, request: Request) -> tuple[int, bytes]:
        """Carry out a call. Returns status and body. Raises: Unanswered."""
        method = request.url.removeprefix(SCHEME)
        call = _call(request.body)
        not_after_ns = call["not_after_ns"]
        try:
            async with asyncio.timeout(request.timeout_s):
                if method == "describe":
                    return 200, msgspec.json.encode(await self._describe())
                if not_after_ns and time.time_ns() >= not_after_ns:
                    raise Unanswered("unsent", "its validity was over")
                result = await getattr(self._exchange, method)(*call["arguments"])
        except DDoSProtection as error:  # rate limits too: refused at the door
            return 429, _refusal(error)
        except NetworkError as error:
            raise Unanswered("unknown", f"{type(error).__name__} {error}"[:200]) from error
        except ExchangeError as error:
            return 400, _refusal(error)
        except (TimeoutError, OSError) as error:
            raise Unanswered("unknown", str(error) or type(error).__name__) from error
        return 200, msgspec.json.encode(_trimmed(method, result))

    async def close(self) -> None:
        """End every connection."""
        await self._exchange.close()

    async def _describe(self) -> dict[str, Any]:
        markets = await self._exchange.load_markets()
        return {
            "markets": [{name: market.get(name) for name in _MARKET_KEYS} for market in markets.values()],
            "has": {name: value for name, value in self._exchange.has.items() if value},
            "precisionMode": self._exchange.precisionMode,
            "rateLimit": float(self._exchange.rateLimit),
        }


def _trimmed(method: str, result: Any) -> Any:
    """Return what the client reads of a result: the venue's raw answer (`info`) stays behind."""
    if method.endswith("order_book"):
        return {
            "bids": [list(level[:2]) for level in result["bids"][:LEVELS_MAX]],
            "asks": [list(level[:2]) for level in result["asks"][:LEVELS_MAX]],
            "timestamp": result.get("timestamp"),
        }
    if isinstance(result, list):
        return [_without_info(each) for each in result]
    return _without_info(result)


def _without_info(value: Any) -> Any:
    return (
        {name: each for name, each in value.items() if name != "info"} if isinstance(value, dict) else value
    )


def _refusal(error: Exception) -> bytes:
    return msgspec.json.encode({"error": type(error).__name__, "message": str(error)[:300]})
