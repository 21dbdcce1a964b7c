"""A small hand-made file of every format, and what reading it must give."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.app.recording import Recording, write_tape
from holdfast.instrument import Instruments
from holdfast.tape import LAST, ROW, TOP, TRADE, Rows

NOON_US = 1_760_097_600_000_000  # 2025-10-10T12:00:00Z


@dataclass
class Kept:
    """Batches in memory, to be written as a tape."""

    rows: list[Rows]
    instruments: Instruments

    def batches(self) -> list[Rows]:
        """Return the batches."""
        return self.rows


@dataclass(frozen=True)
class Sample:
    """A file's name and bytes, the messages in it and the rows they make; `bad` is a line of it that must be refused."""

    name: str
    data: bytes
    messages: int
    rows: int
    bad: bytes = b""


def read(paths: list[Path], **options: object) -> tuple[Rows, Recording]:
    """Read a recording whole."""
    recording = Recording(paths, Instruments(), **options)  # type: ignore[arg-type]
    batches = list(recording.batches())
    return (np.concatenate(batches) if batches else np.zeros(0, ROW)), recording


def _tardis(columns: str, lines: list[str]) -> bytes:
    head = f"exchange,symbol,timestamp,local_timestamp,{columns}\n"
    return (head + "".join(f"{line}\n" for line in lines)).encode()


def _at(micros: int, exchange: str = "binance-futures", symbol: str = "BTCUSDT") -> str:
    return f"{exchange},{symbol},{NOON_US + micros},{NOON_US + micros + 250}"


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _bars() -> bytes:
    start = NOON_US // 1000
    return _parquet(
        pa.table(
            {
                "open_time": pa.array([start + 60_000 * i for i in range(3)], pa.int64()),
                "open": [1.0001, 1.0002, 0.9],
                "high": [1.01, 1.0003, 1.0],
                "low": [1.0, 0.89, 0.65],
                "close": [1.0002, 0.9, 0.99],
                "volume": [10.5, 0.0, float("nan")],
            }
        )
    )


def _pool() -> bytes:
    return _parquet(
        pa.table(
            {
                "blockNumber": pa.array([1, 2], pa.int64()),
                "tick": ["-276323", "-276339"],
                "token0Price": ["0.99986954633103", "1.0014370468616840"],
                "token1Price": ["1.0001304706893490357", "0.9985650152786062620"],
                "timestamp": pa.array([NOON_US // 10**6, NOON_US // 10**6 + 12], pa.int64()),
            }
        )
    )


def _tape() -> bytes:
    instruments = Instruments()
    number = instruments.find_or_describe("deribit", "BTC-PERPETUAL", "perpetual", "BTC", "USD")
    rows = np.zeros(3, dtype=ROW)
    rows["instrument"], rows["value"], rows["received_ns"] = number, np.nan, [10**18, 10**18, 10**18 + 5]
    rows["kind"], rows["flags"], rows["side"] = [TOP, TOP, TRADE], [0, LAST, LAST], [1, -1, 1]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "sample.tape"
        write_tape(Kept([rows], instruments), path)
        return path.read_bytes()


def _binance(update: int, before: int, *, symbol: str = "BTCUSDT") -> str:
    event = {
        "e": "depthUpdate", "E": NOON_US // 1000, "T": NOON_US // 1000, "s": symbol, "U": update, "u": update,
        "pu": before, "b": [["100.10", "1.5"]], "a": [["100.20", "0"]],
    }  # fmt: skip
    return json.dumps({"stream": f"{symbol.lower()}@depth@0ms", "data": event}, separators=(",", ":"))


SNAPSHOT = (
    '{"lastUpdateId":10,"E":1760097600000,"T":1760097600000,"bids":[["100.00","2"]],"asks":[["100.30","3"]]}'
)
TRADE_FRAME = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1760097600001,"T":1760097600001,"s":"BTCUSDT","t":1,'
    '"p":"100.10","q":"0.5","X":"MARKET","m":true}}'
)


def _capture_ns() -> bytes:
    bodies = [SNAPSHOT, _binance(10, 9), TRADE_FRAME, _binance(11, 10)]
    return "".join(f"{NOON_US * 1000 + i} {body}\n" for i, body in enumerate(bodies)).encode()


def _capture_s() -> bytes:
    url = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    ws = "wss://fstream.binance.com/stream?streams=btcusdt@depth@100ms"
    second = NOON_US // 10**6
    lines = [
        f"{ws} <-> {second}.05",
        f"{ws} <- {second}.06: {{}}",
        f"{url} -> {second}.10: {SNAPSHOT}",
        f"{second}.2000001: {_binance(10, 9)}",
        f"{second}.3: {TRADE_FRAME}",
        'configuration: {"trades":["BTC-USDT-PERP"]}',
    ]
    return "\n".join(lines).encode()


def _ob500() -> bytes:
    def message(kind: str, stamp: int, update: int) -> str:
        data = {"s": "XRPUSDT", "b": [["1.9531", "62"]], "a": [["1.9532", "5"]], "u": update, "seq": update}
        whole = {"topic": "orderbook.500.XRPUSDT", "type": kind, "ts": stamp, "data": data, "cts": stamp}
        return json.dumps(whole, separators=(",", ":")) + "\n"

    return (message("snapshot", NOON_US // 1000, 5) + message("delta", NOON_US // 1000 + 100, 6)).encode()


_CHAIN_COLUMNS = (
    "timestamp,instrument_name,underlying,option_type,strike,expiry_datetime,bid_price,ask_price,mark_price,futures_price,"
    "implied_volatility,delta,vega,open_interest,index_price"
)
_OPTION_COLUMNS = (
    "type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,ask_price,ask_amount,ask_iv,mark_price,"
    "mark_iv,underlying_index,underlying_price,delta,gamma,vega,theta,rho"
)
_OPTION = "call,80000,1761897600000000"
_MOMENT = "2026-02-05T04:29:52.233617+00:00"

SAMPLES: dict[str, Sample] = {
    "tardis-trades": Sample(
        "binance-futures_trades_2025-10-10_BTCUSDT.csv",
        _tardis("id,side,price,amount", [f"{_at(0)},1,buy,100.1,2", f"{_at(5)},2,sell,100.05,1e-3"]),
        2,
        2,
        f"{_at(9)},3,buy,nan,1".encode(),
    ),
    "tardis-liquidations": Sample(
        "binance-futures_liquidations_2025-10-10_BTCUSDT.csv",
        _tardis("id,side,price,amount", [f"{_at(0)},1,buy,100.1,2"]),
        1,
        1,
        f"{_at(9)},3,bought,1,1".encode(),
    ),
    "tardis-options-chain": Sample(
        "okex-options_options_chain_2025-10-10_OPTIONS.csv",
        _tardis(
            _OPTION_COLUMNS,
            [
                f"{_at(0, 'okex-options', 'BTC-USD-251031-80000-C')},{_OPTION},,,,,,,,0.82,,0.68,BTC-USD,,0.65,,0.00003,,",
                f"{_at(9, 'okex-options', 'BTC-USD-251031-80000-C')},{_OPTION},558,0.27,0.3445,680,,,,,0.3453,0.68,BTC-USD,"
                "121718.4,0.65,-1.2,0.00003,-0.00004,",
            ],
        ),
        2,
        4 + 8,
        f"{_at(9, 'okex-options', 'BTC-USD-251031-80000-C')},either,80000,1761897600000000,,,,,,,,,,,,,,,,".encode(),
    ),
    "tardis-book": Sample(
        "deribit_incremental_book_L2_2025-10-10_BTC-PERPETUAL.csv",
        _tardis(
            "is_snapshot,side,price,amount",
            [
                f"{_at(0, 'deribit', 'BTC-PERPETUAL')},false,bid,99,1",
                f"{_at(1, 'deribit', 'BTC-PERPETUAL')},true,bid,100,10",
                f"{_at(1, 'deribit', 'BTC-PERPETUAL')},true,ask,101,10",
                f"{_at(2, 'deribit', 'BTC-PERPETUAL')},false,bid,100,0",
            ],
        ),
        4,
        4,
        f"{_at(3, 'deribit', 'BTC-PERPETUAL')},perhaps,bid,100,0".encode(),
    ),
    "tardis-snapshots": Sample(
        "deribit_book_snapshot_2_2025-10-10_BTC-PERPETUAL.csv",
        _tardis(
            ",".join(
                f"{s}[{i}].{w}" for i in range(2) for s in ("asks", "bids") for w in ("price", "amount")
            ),
            [
                f"{_at(0, 'deribit', 'BTC-PERPETUAL')},101,1,100,2,102,3,99,4",
                f"{_at(1, 'deribit', 'BTC-PERPETUAL')},101,1,100,2,,,99,4",
            ],
        ),
        2,
        5 + 4,
        f"{_at(3, 'deribit', 'BTC-PERPETUAL')},101,1,-100,2,,,99,4".encode(),
    ),
    "tardis-quotes": Sample(
        "deribit_quotes_2025-10-10_BTC-PERPETUAL.csv",
        _tardis(
            "ask_amount,ask_price,bid_price,bid_amount",
            [
                f"{_at(0, 'deribit', 'BTC-PERPETUAL')},1,101,100,2",
                f"{_at(1, 'deribit', 'BTC-PERPETUAL')},,,100,2",
            ],
        ),
        2,
        4,
        f"{_at(3, 'deribit', 'BTC-PERPETUAL')},1,101,100".encode(),
    ),
    "tardis-ticker": Sample(
        "bitmex_derivative_ticker_2025-10-10_XBTUSD.csv",
        _tardis(
            "funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price",
            [
                f"{_at(0, 'bitmex', 'XBTUSD')},,0.0001,,1000,100,100.1,100.2",
                f"{_at(1, 'bitmex', 'XBTUSD')},,,,,,,100.3",
            ],
        ),
        2,
        5,
        f"{_at(3, 'bitmex', 'XBTUSD')},,,,,,,inf".encode(),
    ),
    "binance-klines": Sample(
        "BTCUSD_PERP-1m-2025-10-10.csv",
        b"open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
        b"1760097600000,100,102.5,99,101,0,1760097659999,0,60,0,0,0\n"
        b"1760097660000,101,101,100,100.5,7,1760097719999,6.9,3,0,0,0\n",
        2,
        8,
        b"1760097720000,101,100,102,100.5,7,1760097779999,6.9,3,0,0,0",
    ),
    "binance-book-depth": Sample(
        "BTCUSDT-bookDepth-2025-10-10.csv",
        b"timestamp,percentage,depth,notional\n"
        b"2025-10-10 12:00:07,-1,8.5,850\n2025-10-10 12:00:07,1,2,202\n2025-10-10 12:00:37,-0.20,8,800\n",
        3,
        3,
        b" 2025-10-10 12:01:07,1,2,202",
    ),
    "binance-trades": Sample(
        "BTCUSDT-aggTrades-2025-10-10.csv",
        b"10,100.1,0.5,1,2,1760097600123,true\n11,100.2,0.25,3,3,1760097600124,false\n",
        2,
        2,
        b"12,100.2,0.25,3,3,1760097600124,maybe",
    ),
    "binance-book-ticker": Sample(
        "BTCUSDT-bookTicker-2025-10-10.csv",
        b"update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        b"7,100.1,2,100.2,3,1760097600000,1760097600005\n",
        1,
        2,
        b"8,0,2,100.2,3,1760097600000,1760097600005",
    ),
    "binance-metrics": Sample(
        "BTCUSDT-metrics-2025-10-10.csv",
        b"create_time,symbol,sum_open_interest,sum_open_interest_value,count_long_short_ratio\n"
        b"2025-10-10 12:05:00,BTCUSDT,91000.5,9100000,1.2\n",
        1,
        1,
        b"2025-10-10 12:10:00,,91000.5,9100000,1.2",
    ),
    "binance-funding": Sample(
        "BTCUSDT-fundingRate-2025-10.csv",
        b"calc_time,funding_interval_hours,last_funding_rate\n1760083200000,8,-0.00012\n",
        1,
        1,
        b"1760112000000,8,",
    ),
    "deribit-chain": Sample(
        "deribit_options_snapshot_20260205T042952Z.csv",
        f"{_CHAIN_COLUMNS}\n"
        f"{_MOMENT},BTC-24APR26-65000-P,1,put,65000.0,2026-04-24T08:00:00+00:00,0.0545,,0.055,71518.8,0.53,-0.3,115.8,1197.4,70853\n"
        f"{_MOMENT},ETH-24APR26-2000-C,1,call,2000.0,2026-04-24T08:00:00+00:00,0.01,0.02,0.015,,0.6,0.3,1.5,10,2100\n".encode(),
        2,
        9 + 8,
        f"{_MOMENT},BTC-24APR26,1,put,65000.0,2026-04-24T08:00:00+00:00,0.0545,,0.055,71518.8,0.53,-0.3,1,1,1".encode(),
    ),
    "bars-csv": Sample(
        "btc-perp-20211231-20220201_1m.csv",
        b"timestamp,open,high,low,close,volume\n2021-12-31 23:01:00.000000,46319.0,46385.0,46319.0,46377.0,2300413.7\n",
        1,
        4,
        b"2021-12-31,23:02,46319.0,46385.0,46319.0,46377.0",
    ),
    "bitstamp-l3": Sample(
        "orders.csv",
        b"id,timestamp,exchange.timestamp,price,volume,action,direction\n"
        b"1,1430438404518,1430438404000,236.47,200000000,created,bid\n"
        b"2,1430438404519,1430438404000,236.57,100000000,created,ask\n",
        2,
        0,
        b"3,1430438404520,1430438404000,236.5,1,lost,bid",
    ),
    "capture-ns": Sample("btcusdt_20251010", _capture_ns(), 4, 3 + 2 + 1 + 2, b"1760097600 {}"),
    "capture-s": Sample("BINANCE_FUTURES.ws", _capture_s(), 6, 3 + 2 + 1, b"1760097601 {}"),
    "bybit-orderbook": Sample(
        "2025-10-10_XRPUSDT_ob500.data", _ob500(), 2, 3 + 2, b'{"topic":"orderbook.500.XRPUSDT"}'
    ),
    "listing": Sample(
        "instruments.json",
        b'{"code":"0","data":[{"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","tickSz":"0.1",'
        b'"lotSz":"0.00000001","ctVal":"","ctMult":"","ctType":"","ctValCcy":"","settleCcy":"","expTime":"","stk":"",'
        b'"optType":"","uly":"","state":"live"}],"msg":""}',
        1,
        0,
    ),
    "bars-parquet": Sample("usde_minute_binance.parquet", _bars(), 3, 12),
    "pool-parquet": Sample("uniswap_usde.parquet", _pool(), 2, 8),
    "tape": Sample("run.tape", _tape(), 3, 3),
}

Place = Callable[[Sample], Path]
