"""The nearest right name, for errors that say what was probably meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the remedy for a name that nobody knows, empty when nothing is near.

    >>> nearest("scroe", ["score", "scope"])
    'did you mean `score`?'
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
