"""Whether rules and responses agree with each other, proven before they are loaded. See `consistency/check.py`."""
