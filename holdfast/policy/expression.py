"""The condition's grammar: CEL text to a small tree with places, so that a mistake can be pointed at.

The CEL library evaluates conditions at run time. This parser knows the part of CEL that rules may use, with
CEL's own precedence, and refuses the rest with its place: macros, maps, bytes, raw and triple-quoted text,
unsigned numbers. What it accepts, CEL accepts, and means the same; a test holds both beside each other.
"""

from typing import Final

import msgspec

from holdfast.policy.tokens import Token, UnreadableError, number_of, tokens, unquote

CHARS_MAX: Final = 4_000
DEPTH_MAX: Final = 40
TERMS_MAX: Final = 60

COMPARISONS: Final = ("<", "<=", ">", ">=", "==", "!=")
TEXT_FUNCTIONS: Final = ("startsWith", "endsWith", "contains")

Scalar = bool | int | float | str


class Constant(msgspec.Struct, frozen=True):
    """A literal, at its offset in the text."""

    at: int
    value: Scalar


class Read(msgspec.Struct, frozen=True):
    """A field by name; an alert's severity is `alerts.<detector>`."""

    at: int
    name: str


class Apply(msgspec.Struct, frozen=True):
    """An operator or function on its arguments: `&&` (two or more), `>`, `in` (value, then choices), ..."""

    at: int
    op: str
    args: tuple["Node", ...]


Node = Constant | Read | Apply


def parse(text: str) -> Node:
    """Parse a condition. Raises: UnreadableError with the offset of the first thing that cannot be read."""
    if len(text) > CHARS_MAX:
        raise UnreadableError(
            0, f"the condition has more than {CHARS_MAX} characters", "split the rule in two"
        )
    parser = _Parser(tokens(text))
    tree = parser.ternary()
    if parser.kind != "end":
        raise UnreadableError(parser.at, f"unexpected `{parser.word}`")
    return tree


def reads(tree: Node) -> tuple[str, ...]:
    """Return the names of the fields that a tree reads, sorted, each once.

    >>> reads(parse("score > 80.0 && (alerts.depeg >= 3 || score > 90.0)"))
    ('alerts.depeg', 'score')
    """
    return tuple(sorted({node.name for node in walk(tree) if isinstance(node, Read)}))


def walk(tree: Node) -> list[Node]:
    """Return every node of a tree, parents before children, left to right."""
    nodes = [tree]
    if isinstance(tree, Apply):
        for child in tree.args:
            nodes += walk(child)
    return nodes


def text_of(tree: Node) -> str:
    """Return a tree as CEL text, for messages.

    >>> text_of(parse('score>80&&!(venue in ["a"]||trusted)'))
    'score > 80 && !(venue in ["a"] || trusted)'
    """
    if isinstance(tree, Constant):
        text = str(tree.value)
        return (
            f'"{text}"'
            if isinstance(tree.value, str)
            else text.lower()
            if isinstance(tree.value, bool)
            else text
        )
    if isinstance(tree, Read):
        return tree.name
    rank = _rank(tree)
    inner = [f"({text_of(arg)})" if _rank(arg) <= rank else text_of(arg) for arg in tree.args]
    if tree.op in TEXT_FUNCTIONS:
        return f"{inner[0]}.{tree.op}({text_of(tree.args[1])})"
    if tree.op == "in":
        return f"{inner[0]} in [{', '.join(inner[1:])}]"
    if tree.op == "?:":
        return f"{inner[0]} ? {inner[1]} : {inner[2]}"
    if len(inner) == 1:
        return f"{'!' if tree.op == '!' else '-'}{inner[0]}"
    return f" {tree.op} ".join(inner)


def _rank(node: Node) -> int:
    """Return how tightly a node binds: a higher rank needs no parentheses inside a lower one."""
    if not isinstance(node, Apply):
        return len(_BINARY) + 2
    binary = next((rank for rank, ops in enumerate(_BINARY) if node.op in ops), len(_BINARY))
    return -1 if node.op == "?:" else binary + (node.op in TEXT_FUNCTIONS)


_BINARY: Final[tuple[tuple[str, ...], ...]] = (
    ("||",),
    ("&&",),
    (*COMPARISONS, "in"),
    ("+", "-"),
    ("*", "/", "%"),
)


class _Parser:
    """Recursive descent over the tokens, one method a level of precedence."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._next][0]

    @property
    def word(self) -> str:
        return self._tokens[self._next][1]

    @property
    def _found(self) -> str:
        return self.word if self.kind == "end" else f"`{self.word}`"

    @property
    def at(self) -> int:
        return self._tokens[self._next][2]

    def ternary(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise UnreadableError(self.at, f"nested more than {DEPTH_MAX} deep", "split the rule in two")
        tree = self._binary(0)
        if self._is("?"):
            at = self._take()[2]
            then = self._binary(0)
            self._expect(":")
            tree = Apply(at, "?:", (tree, then, self.ternary()))
        self._depth -= 1
        return tree

    def _binary(self, rank: int) -> Node:
        if rank == len(_BINARY):
            return self._unary()
        tree = self._binary(rank + 1)
        terms = 1
        while self.kind == "op" and self.word in _BINARY[rank]:
            _, op, at = self._take()
            terms += 1
            if terms > TERMS_MAX:
                raise UnreadableError(
                    at, f"more than {TERMS_MAX} terms", "use `in [...]`, or split the rule in two"
                )
            if op == "in":
                tree = Apply(at, op, (tree, *self._choices()))
            elif rank < 2 and isinstance(tree, Apply) and tree.op == op and terms > 2:
                tree = Apply(tree.at, op, (*tree.args, self._binary(rank + 1)))
            else:
                tree = Apply(at, op, (tree, self._binary(rank + 1)))
        return tree

    def _unary(self) -> Node:
        if not (self._is("!") or self._is("-")):
            return self._member()
        _, op, at = self._take()
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise UnreadableError(at, f"nested more than {DEPTH_MAX} deep", "split the rule in two")
        inner = self._unary()
        self._depth -= 1
        if op == "-" and isinstance(inner, Constant) and type(inner.value) in (int, float):
            return Constant(at, -inner.value)  # pyright: ignore[reportOperatorIssue]
        return Apply(at, "!" if op == "!" else "neg", (inner,))

    def _member(self) -> Node:
        tree = self._primary()
        while self._is(".") or self._is("["):
            if isinstance(tree, Read) and tree.name == "alerts":
                tree = self._alert(tree.at)
            elif self._is("["):
                raise UnreadableError(self.at, "only `alerts` can be indexed")
            else:
                self._take()
                tree = self._call(tree)
        return tree

    def _alert(self, at: int) -> Node:
        if self._take()[1] == ".":
            return Read(at, f"alerts.{self._name('a detector')}")
        key = self._primary()
        if not isinstance(key, Constant) or not isinstance(key.value, str):
            raise UnreadableError(key.at, "`alerts[...]` takes a detector's name as text")
        self._expect("]")
        return Read(at, f"alerts.{key.value}")

    def _call(self, subject: Node) -> Node:
        at = self.at
        name = self._name("a function")
        if name not in TEXT_FUNCTIONS:
            raise UnreadableError(at, f"unknown function `{name}`", f"rules know {', '.join(TEXT_FUNCTIONS)}")
        self._expect("(")
        argument = self.ternary()
        self._expect(")")
        return Apply(at, name, (subject, argument))

    def _primary(self) -> Node:
        kind, word, at = self._take()
        if kind == "number":
            return Constant(at, number_of(word, at))
        if kind == "quote":
            return Constant(at, unquote(word, at))
        if kind == "name":
            if word in ("true", "false"):
                return Constant(at, word == "true")
            if self._is("("):
                raise UnreadableError(
                    at, f"unknown function `{word}`", f"rules know {', '.join(TEXT_FUNCTIONS)}"
                )
            return Read(at, word)
        if word == "(":
            tree = self.ternary()
            self._expect(")")
            return tree
        raise UnreadableError(at, f"expected a value, found {'the end' if kind == 'end' else f'`{word}`'}")

    def _choices(self) -> tuple[Node, ...]:
        self._expect("[")
        choices = [self._unary()]
        while self._is(","):
            self._take()
            choices.append(self._unary())
        self._expect("]")
        return tuple(choices)

    def _is(self, word: str) -> bool:
        return self.kind == "op" and self.word == word

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _expect(self, word: str) -> None:
        if not self._is(word):
            raise UnreadableError(self.at, f"expected `{word}`, found {self._found}")
        self._take()

    def _name(self, what: str) -> str:
        if self.kind != "name":
            raise UnreadableError(self.at, f"expected the name of {what}, found {self._found}")
        return self._take()[1]
