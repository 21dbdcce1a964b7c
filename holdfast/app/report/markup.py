"""Markup: HTML that cannot be broken by what it quotes.

Rules: text is escaped unless its type says that it is markup already, and only `tag` makes that type from
data. So a symbol, file name or message that a venue chose can never become an element, an attribute or a
script.
"""

import html
from collections.abc import Iterable
from typing import Final

VOID: Final = frozenset({"meta", "br"})
DRAWN: Final = frozenset({"rect", "path", "line"})  # SVG, where an element without content closes itself

Child = str | int | None | Iterable["Child"]


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """Return one element; attribute names lose a trailing underscore and their others become hyphens.

    >>> tag("p", "1 < 2", tag("br"), class_="note", data_x=1, hidden=False)
    '<p class="note" data-x="1">1 &lt; 2<br></p>'
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        parts.append(f" {label}" if value is True else f' {label}="{html.escape(str(value))}"')
    parts.append("/>" if name in DRAWN else ">")
    if name not in VOID and name not in DRAWN:
        parts += [escaped(children), f"</{name}>"]
    return Markup("".join(parts))


def escaped(child: Child) -> Markup:
    """Return a child as HTML: markup unchanged, text escaped, nothing for None, a list joined."""
    if isinstance(child, Markup):
        return child
    if child is None:
        return Markup("")
    if isinstance(child, str | int):
        return Markup(html.escape(str(child)))
    return Markup("".join(escaped(part) for part in child))


def page_head(title: str, policy: str, style: str) -> Markup:
    """Return the head of a self-contained page: its content policy, its title and its style."""
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )
