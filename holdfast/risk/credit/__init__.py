"""Credit: what is lost when a counterparty or a venue fails."""
