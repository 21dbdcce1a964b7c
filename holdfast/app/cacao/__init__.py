"""CACAO 2.0: playbooks to and from the exchange format of OASIS."""
