"""Universe: the real node in virtual time, against the world's own protocols, with everything going wrong that a seed says."""
