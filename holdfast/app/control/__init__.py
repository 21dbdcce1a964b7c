"""Control: people tell a running desk what to do, signed with their keys, over a socket or by files alone."""
