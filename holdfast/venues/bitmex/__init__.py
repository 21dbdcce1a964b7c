"""BitMEX: bytes to rows."""
