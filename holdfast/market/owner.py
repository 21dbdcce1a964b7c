"""Owners: whose order it is, by the prefix of its client id."""

from collections.abc import Mapping

from holdfast.error import CallerError

GUARD = "guard"


class Owners:
    """The prefixes of client ids: the guard's, and one or more for each of the desk's strategies.

    Raises: CallerError `owner.prefix` for an empty prefix or one that begins another owner's.

    >>> Owners("hf-", {"maker": "mm-"}).owner_of("mm-17")
    'maker'
    """

    def __init__(self, guard_prefix: str, strategies: Mapping[str, str | tuple[str, ...]]) -> None:
        self.guard_prefix = guard_prefix
        self._prefixes: list[tuple[str, str]] = [(guard_prefix, GUARD)]
        for name, given in strategies.items():
            self._prefixes += [(prefix, name) for prefix in ((given,) if isinstance(given, str) else given)]
        self.names = (GUARD, *strategies)
        for number, (prefix, name) in enumerate(self._prefixes):
            if not prefix:
                raise CallerError("owner.prefix", f"the client id prefix of {name} is empty")
            for other, other_name in self._prefixes[:number]:
                if name != other_name and (prefix.startswith(other) or other.startswith(prefix)):
                    raise CallerError(
                        "owner.prefix",
                        f"the client id prefixes of {other_name} (`{other}`) and {name} (`{prefix}`) overlap",
                        remedy="give each owner a prefix with which no other begins",
                    )

    def owner_of(self, client_id: str) -> str:
        """Return `guard`, a strategy's name, or nothing for an order that is not ours."""
        return next((name for prefix, name in self._prefixes if client_id.startswith(prefix)), "")
