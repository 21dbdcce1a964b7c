"""Scenarios: grids, days that happened, days that could, and the nearest one that breaks a limit."""
