"""Venues speak: bytes to rows, no sockets. One folder a venue."""
