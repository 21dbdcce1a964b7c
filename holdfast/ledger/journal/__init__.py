"""The journal is the truth of a running desk: one append-only sequence of records, with a fence against older nodes."""
