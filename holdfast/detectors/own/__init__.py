"""Detectors of the desk's own flow: its orders, fills and positions, as venues report them."""
