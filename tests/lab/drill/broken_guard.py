"""`holdfast` with an outbox that breaks one rule: `python broken_guard.py RetriesOnUnknown run CONFIG`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "response"))
import outbox_mutants

from holdfast.__main__ import main
from holdfast.app import assemble

if __name__ == "__main__":
    assemble.Outbox = getattr(outbox_mutants, sys.argv.pop(1))
    main()
