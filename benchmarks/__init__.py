"""Benchmarks: each file holds a peer beside us in the same run and defends one decision. `make bench` runs them all."""
