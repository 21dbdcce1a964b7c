"""The simulated world: venues that real clients can talk to, agents that trade on them, and scenarios they live through."""
