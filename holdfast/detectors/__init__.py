"""Detectors notice: one a file. Feed trust speaks first; an untrusted instrument raises no market alarm."""
