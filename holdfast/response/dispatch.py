"""Dispatches: what the outbox wants carried out now, by the clients and by whoever tells people.

A client is given `effect` as its key and says it again in `EffectAnswered`, so that an answer names the attempt it belongs
to: a late answer to the first attempt says nothing of the second.
"""

import msgspec

from holdfast.action import Action


class Send(msgspec.Struct, frozen=True, tag=True):
    """Do this. An order carries `client_id`; a move is worth nothing at the venue after `valid_until_ns` (else 0)."""

    key: str
    attempt: int
    action: Action
    client_id: str = ""
    valid_until_ns: int = 0

    @property
    def effect(self) -> str:
        """Return the key under which the client knows this attempt.

        >>> from holdfast.action import Tell
        >>> Send("run/step/0", 2, Tell("a", "b")).effect
        'run/step/0#2'
        """
        return effect_of(self.key, self.attempt)


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Ask the venue what became of an order: `Client.ask_order`."""

    venue: str
    account: str
    instrument: str
    client_id: str


class AskBalances(msgspec.Struct, frozen=True, tag=True):
    """Ask the venue what lies in an account: `Client.ask_balances`."""

    venue: str
    account: str


Dispatch = Send | Ask | AskBalances


def effect_of(key: str, attempt: int) -> str:
    """Return the name of one attempt at an intent."""
    return f"{key}#{attempt}"


def attempt_of(effect: str) -> tuple[str, int]:
    """Return the intent's key and the attempt's number; 0 where the name holds none.

    >>> attempt_of("run/step/0#2"), attempt_of("run/step/0")
    (('run/step/0', 2), ('run/step/0', 0))
    """
    key, mark, number = effect.rpartition("#")
    return (key, int(number)) if mark and number.isascii() and number.isdigit() else (effect, 0)
