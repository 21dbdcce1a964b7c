"""Serve one peer: prepare on a case, print the peer's version, then run a round for each line on stdin.

Runs in the peers' environment: `python serve.py PROGRAM CASE OPTION`.
"""

import gc
import importlib
import json
import sys
import time
from importlib.metadata import version


def main() -> None:
    """Prepare and serve until stdin ends."""
    program, case, option = sys.argv[1:4]
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the peer prints is no answer
    peer = importlib.import_module(f"{program}_rounds")
    play = peer.prepare(case, option)
    print(version(peer.PACKAGE), file=answers, flush=True)
    for _ in sys.stdin:
        fresh = play()
        gc.collect()
        begun = time.process_time()
        touch = fresh()
        print(json.dumps({"cpu_s": time.process_time() - begun, "touch": touch}), file=answers, flush=True)


main()
