"""ccxt pro's own message path, offline: text -> json -> handle_message -> its order book. The venue is the option."""

from collections.abc import Callable

import ccxt.pro
import orjson
from stream_lines import read_stream

PACKAGE = "ccxt"
MARKETS = {
    "binance-usdm": ("binanceusdm", "BTCUSDT", "BTC/USDT:USDT", "USDT"),
    "deribit": ("deribit", "BTC-PERPETUAL", "BTC/USD:BTC", "BTC"),
}


class Client:
    """What the handlers need of a connection when nobody waits for a result."""

    url = "wss://offline/ws"

    def __init__(self) -> None:
        self.subscriptions: dict[str, object] = {}
        self.futures: dict[str, object] = {}

    def resolve(self, result: object, message_hash: str) -> object:
        """Nobody waits."""
        del message_hash
        return result

    def reject(self, error: Exception, message_hash: str) -> None:
        """Fail loudly: a benchmark must not measure errors."""
        raise RuntimeError(message_hash) from error


def prepare(case: str, venue: str) -> Callable[[], Callable[[], list[float]]]:
    """Return what makes one round."""
    snapshot, frames = read_stream(case)
    texts = [frame for _, frame in frames]
    name, market_id, symbol, settle = MARKETS[venue]

    def fresh() -> Callable[[], list[float]]:
        exchange = getattr(ccxt.pro, name)({"newUpdates": True})
        base, quote = symbol.split(":", maxsplit=1)[0].split("/")
        market = {
            "id": market_id, "symbol": symbol, "base": base, "quote": quote, "settle": settle, "baseId": base,
            "quoteId": quote, "settleId": settle, "type": "swap", "spot": False, "swap": True, "future": False,
            "option": False, "contract": True, "linear": settle == quote, "inverse": settle != quote, "active": True,
            "contractSize": 1.0, "precision": {"price": 0.1, "amount": 0.001}, "limits": {}, "info": {},
        }  # fmt: skip
        exchange.set_markets([exchange.safe_market_structure(market)])
        client = Client()
        if venue == "deribit":
            exchange.handle_message(client, orjson.loads(snapshot))
        else:
            parsed = orjson.loads(snapshot)
            book = exchange.parse_order_book(parsed, symbol)
            book["nonce"] = parsed["lastUpdateId"]
            exchange.orderbooks[symbol] = exchange.order_book(book)

        def play() -> list[float]:
            loads = orjson.loads
            for text in texts:
                exchange.handle_message(client, loads(text))
            book = exchange.orderbooks[symbol]
            return [book["bids"][0][0], book["asks"][0][0]]

        return play

    return fresh
