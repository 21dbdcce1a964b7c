"""The application: recordings in, reports and ledgers out, one process at the edge."""
