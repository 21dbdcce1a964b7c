"""The lab: where Holdfast is rehearsed against worlds that nobody has to lose money in."""
