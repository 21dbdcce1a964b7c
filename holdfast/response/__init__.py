"""Response: what is done about a decision, and that it is done exactly once."""
