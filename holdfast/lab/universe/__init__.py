"""Universe: the real node in virtual time, against the world's own protocols, with everything wrong that a seed says."""
