"""Margin: what a venue asks a desk to post, by the venue's own published rules, which are data with effective dates."""
