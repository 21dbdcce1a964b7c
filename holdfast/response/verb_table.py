"""The table of verbs, as the documentation shows it: written from the verbs themselves."""

import inspect

import msgspec

from holdfast.response.verb import VERBS, Verb, Worked, kind_of


def verbs_markdown() -> str:
    """Return every verb: its name, its kind, what it needs and may be told, and what it does."""
    rows = ["| verb | kind | arguments | what |", "|---|---|---|---|"]
    for name, verb in VERBS.items():
        shared = set(Worked.__struct_fields__) if issubclass(verb, Worked) else set[str]()
        told = [_argument(field) for field in msgspec.structs.fields(verb) if field.name not in shared]
        if shared:
            told.append("how orders are worked")
        rows.append(f"| `{name}` | {kind_of(verb)} | {', '.join(told)} | {_sentence(verb)} |")
    return "\n".join(rows)


def worked_markdown() -> str:
    """Return how orders are worked: the arguments that the trading verbs share, with their defaults."""
    rows = ["| argument | default |", "|---|---|"]
    rows += [f"| `{field.name}` | {_default(field)} |" for field in msgspec.structs.fields(Worked)]
    return "\n".join(rows)


def _argument(field: msgspec.structs.FieldInfo) -> str:
    return f"**`{field.name}`**" if field.required else f"`{field.name}`"


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    return f"`{value:g}`" if isinstance(value, int | float) and value < 1e5 else f"`{value}`"


def _sentence(verb: type[Verb]) -> str:
    """Return the first sentence of a verb's docstring."""
    return " ".join((inspect.getdoc(verb) or "").split("\n\n")[0].split()).replace("|", "\\|")
