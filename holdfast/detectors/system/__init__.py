"""Detectors of the guard itself: its loop, memory, disk, clock, and its lines to the venues."""
