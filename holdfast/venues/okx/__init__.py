"""OKX: bytes to rows."""
