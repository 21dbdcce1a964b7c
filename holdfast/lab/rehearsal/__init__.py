"""Rehearsal: one scenario lived through twice, with the guard and without, in virtual time or on real sockets."""
