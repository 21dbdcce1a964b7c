"""Tables: cards, tables and figures as the risk page writes them."""

from collections.abc import Sequence

from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.words import figure

INFINITY = float("inf")


def card(title: str, *body: Child, kind: str = "") -> Markup:
    """Return one section of the page."""
    return tag("section", tag("h2", title), body, class_=f"card risk {kind}".strip())


def none() -> Markup:
    """Return what stands where there is nothing."""
    return tag("p", "None.", class_="muted")


def table(head: Sequence[str], rows: Sequence[Sequence[Child]], *, texts: Sequence[int] = (0,)) -> Markup:
    """Return a table; columns are figures, set to the right, but for those named `texts`."""
    if not rows:
        return none()

    def side(number: int) -> str | None:
        return None if number in texts else "n"

    top = tag("tr", [tag("th", name, class_=side(number)) for number, name in enumerate(head)])
    body = [
        tag("tr", [tag("td", cell, class_=side(number)) for number, cell in enumerate(row)]) for row in rows
    ]
    return tag("div", tag("table", tag("thead", top), tag("tbody", body)), class_="scroll")


def money(value: float) -> str:
    """Return an amount without its cents.

    >>> money(-0.2), money(1234.5), money(float("nan"))
    ('0', '1,234', 'unknown')
    """
    return f"{round(value) or 0:,}" if abs(value) < INFINITY else "unknown"


def signed(value: float) -> str:
    """Return a size with its sign.

    >>> signed(1234567.0), signed(-0.25)
    ('+1,234,567', '-0.25')
    """
    return ("+" if value > 0.0 else "") + figure(value)


def share(value: float) -> str:
    """Return a fraction as a percentage.

    >>> share(0.1234), share(float("inf"))
    ('12.3%', 'unknown')
    """
    return f"{value:.1%}" if abs(value) < INFINITY else "unknown"


def named(name: str, *, partial: bool) -> str:
    """Return a name, and beside it whether its sum lacks something."""
    return f"{name} (partial)" if partial else name
