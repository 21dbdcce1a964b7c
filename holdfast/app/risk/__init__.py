"""Risk at the edge: files, worker processes, the command, the report; the numbers come from `holdfast.risk`."""
