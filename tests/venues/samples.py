"""Every feed's case by the name of its venue."""

from sample import FRAME, REST, Case, Step, frame
from samples_binance import binance_case
from samples_bitmex import bitmex_case
from samples_bybit import bybit_case, bybit_linear_case, bybit_option_case
from samples_deribit import deribit_case
from samples_kraken import kraken_case
from samples_okx import okx_case

__all__ = ["CASES", "FRAME", "REST", "Case", "Step", "frame"]

CASES: dict[str, Case] = {
    "okx": okx_case(),
    "bybit-linear": bybit_linear_case("linear", "BTCUSDT", "DOGEUSDT"),
    "bybit-inverse": bybit_linear_case("inverse", "BTCUSD", "DOGEUSD"),
    "bybit-spot": bybit_case("spot", "BTCUSDT", "DOGEUSDT"),
    "bybit-option": bybit_option_case(),
    "bitmex": bitmex_case(),
    "kraken-futures": kraken_case(),
    "binance-usdm": binance_case("binance-usdm", "BTCUSDT", "DOGEUSDT"),
    "binance-coinm": binance_case("binance-coinm", "BTCUSD_PERP", "DOGEUSD_PERP"),
    "binance-spot": binance_case("binance-spot", "BTCUSDT", "DOGEUSDT"),
    "deribit": deribit_case(),
}
