"""The drill: real processes, killed, stopped and starved while they act; then the venues' own books are read."""
