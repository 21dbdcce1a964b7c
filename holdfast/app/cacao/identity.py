"""Identity: the ids, times and patterns of CACAO. Ids follow from names, so the same playbook has the same ids."""

import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

SPEC: Final = "cacao-2.0"
_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"

# The schemas' own patterns, by which JSON schema searches: `identifier.json`, `timestamp.json`, `variable` keys.
IDENTIFIER: Final = re.compile(rf"^[a-z][a-z0-9-]+[a-z0-9]--{_UUID}$")
TIMESTAMP: Final = re.compile(
    r"^[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(\.[0-9]+)?Z$"
)
VARIABLE: Final = re.compile(r"^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$")

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "https://holdfast.invalid/cacao")


def identifier(kind: str, *names: str) -> str:
    """Return the id of a thing by its names.

    >>> identifier("action", "deleverage", "quarter") == identifier("action", "deleverage", "quarter")
    True
    """
    return f"{kind}--{uuid5(_NAMESPACE, '/'.join((kind, *names)))}"


EXTENSION: Final = identifier("extension-definition", "holdfast playbook", "1")


def is_identifier(value: object) -> bool:
    """Tell whether a value is an id as CACAO writes them."""
    return isinstance(value, str) and IDENTIFIER.search(value) is not None
