"""Run the benchmarks: `python -m benchmarks --peers .venv-bench/bin/python --out out/bench.jsonl [NAME...]`."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks import (
    bench_alerts,
    bench_bytes_to_book,
    bench_clients,
    bench_credit,
    bench_exchange,
    bench_fold,
    bench_heston,
    bench_journal,
    bench_limits,
    bench_live_message,
    bench_memory,
    bench_pricing,
    bench_reflex,
    bench_revaluation,
    bench_surface,
    bench_var,
)
from benchmarks.measure import HEAD, Bench, row
from holdfast.app.warm_up import warm_up

ALL = {
    "bytes_to_book": bench_bytes_to_book,
    "alerts": bench_alerts,
    "fold": bench_fold,
    "live_message": bench_live_message,
    "memory": bench_memory,
    "limits": bench_limits,
    "pricing": bench_pricing,
    "surface": bench_surface,
    "heston": bench_heston,
    "revaluation": bench_revaluation,
    "var": bench_var,
    "credit": bench_credit,
    "journal": bench_journal,
    "exchange": bench_exchange,
    "clients": bench_clients,
    "reflex": bench_reflex,
}


def main() -> None:
    """Run what was asked for and write one line a measurement."""
    arguments = argparse.ArgumentParser(prog="benchmarks", description="Hold the peers beside us.")
    arguments.add_argument(
        "--peers", type=Path, help="the Python of the peers' environment; without it ours runs alone"
    )
    arguments.add_argument("--out", type=Path, default=Path("out/bench.jsonl"))
    arguments.add_argument("names", nargs="*", help="which benchmarks; all by default")
    asked = arguments.parse_args()
    print("==> compiling or loading our kernels")
    warm_up()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="holdfast-bench-") as folder:
        bench = Bench(asked.peers, Path(folder))
        print(bench.machine)
        for name in asked.names or ALL:
            print(f"\n==> {name}\n{HEAD}", flush=True)
            ALL[name].measure(bench)
            asked.out.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in bench.lines))
    missed = [line for line in bench.lines if line.met is False]
    print(f"\n{len(bench.lines)} measurements in {asked.out}; {len(missed)} targets missed")
    for line in missed:
        print(f"{row(line)}   wanted {line.target}")


if __name__ == "__main__":
    main()
