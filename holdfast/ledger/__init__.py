"""The ledger keeps: an append-only transparency log that a verifier we did not write can prove."""
