"""Notify: tell people through Apprise, in a thread of its own, so that the desk never waits for a mail server.

Rules:

1. `tell` never blocks: a full queue is a refusal (False), and the intent stays open in the outbox.
2. A text is told at least once for its key: it is tried again, further apart each time, at each address that has not
   taken it; the outcome comes back through `on_told`, from this thread.
3. Critical texts go first.
4. Addresses hold secrets: nothing here prints one except in the form that Apprise masks.
"""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from holdfast.action import Tell, Urgency
from holdfast.error import CallerError

if TYPE_CHECKING:
    from apprise import NotifyBase

QUEUE_MAX: Final = 256
ATTEMPTS_MAX: Final = 5
BACKOFF_S: Final = 2.0  # before the second attempt; doubled before each further one
KEYS_REMEMBERED_MAX: Final = 10_000

_RANK: Final[dict[Urgency, int]] = {"critical": 0, "warning": 1, "info": 2}
_TYPE: Final[dict[Urgency, str]] = {"critical": "failure", "warning": "warning", "info": "info"}


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Apprise addresses by urgency; a text goes to those of its own urgency or, where it has none, of a lesser one.

    Raises: CallerError `notify.address` with the place, and without the address.
    """

    info: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    critical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for urgency in _RANK:
            _addresses(getattr(self, urgency), f"notify.{urgency}")

    def __repr__(self) -> str:
        return f"NotifySettings(info={len(self.info)}, warning={len(self.warning)}, critical={len(self.critical)})"


class Told(msgspec.Struct, frozen=True):
    """What became of one text: how many addresses took it, of how many, and why not the others."""

    key: str
    taken: int
    addresses: int
    detail: str = ""

    @property
    def delivered(self) -> bool:
        """Tell whether anybody was told."""
        return self.taken > 0


class _Letter(msgspec.Struct, order=True):
    rank: int
    number: int
    due_s: float
    key: str
    tell: Any
    left: Any
    taken: int = 0
    attempt: int = 0
    detail: str = ""


class Notifier:
    """Tell people, at least once for each key. `on_told` is called from the notifier's own thread.

    Cost: `tell` is a lock and a heap push; everything slow happens in the thread.
    Limits: what is queued is lost when the process dies; the outbox holds the open intent and tells again.
    """

    def __init__(
        self,
        settings: NotifySettings,
        on_told: Callable[[Told], None],
        *,
        backoff_s: float = BACKOFF_S,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = _by_urgency(settings)
        self._on_told = on_told
        self._backoff_s = backoff_s
        self._clock_s = clock_s
        self._waiting: list[_Letter] = []
        self._known: dict[str, None] = {}
        self._number = 0
        self._turned = threading.Condition()
        self._closing = False
        self._delivering = False
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
        self._thread.start()

    def tell(self, key: str, tell: Tell) -> bool:
        """Take a text to be told; False when the queue is full. A key that was taken before is not told again."""
        with self._turned:
            if key in self._known:
                return True
            if self._closing or len(self._waiting) >= QUEUE_MAX:
                return False
            self._known[key] = None
            if len(self._known) > KEYS_REMEMBERED_MAX:
                del self._known[next(iter(self._known))]
            self._number += 1
            left = list(self._addresses[tell.urgency])
            letter = _Letter(_RANK[tell.urgency], self._number, self._clock_s(), key, tell, left)
            heapq.heappush(self._waiting, letter)
            self._turned.notify()
        return True

    @property
    def is_delivering(self) -> bool:
        """Tell whether a text is on its way now."""
        return self._delivering

    def close(self, timeout_s: float = 5.0) -> None:
        """Try once more what is waiting, without waiting for further attempts, and stop."""
        with self._turned:
            self._closing = True
            self._turned.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (letter := self._next()) is not None:
            was_closing, self._delivering = self._closing, True
            self._deliver(letter)
            self._delivering = False
            if letter.left and letter.attempt < ATTEMPTS_MAX and not was_closing:
                letter.due_s = self._clock_s() + self._backoff_s * 2.0 ** (letter.attempt - 1)
                with self._turned:
                    heapq.heappush(self._waiting, letter)
                continue
            addresses = len(self._addresses[letter.tell.urgency])
            if not addresses:
                letter.detail = f"no address for {letter.tell.urgency}"
            self._forget_untold(letter)
            self._on_told(Told(letter.key, letter.taken, addresses, letter.detail))

    def _forget_untold(self, letter: _Letter) -> None:
        """Let a text that reached nobody be handed in again."""
        if not letter.taken:
            with self._turned:
                self._known.pop(letter.key, None)

    def _next(self) -> _Letter | None:
        """Return the most urgent letter that is due; None when it is time to stop."""
        with self._turned:
            while True:
                now_s = self._clock_s()
                due = [one for one in self._waiting if self._closing or one.due_s <= now_s]
                if due:
                    letter = min(due)
                    self._waiting.remove(letter)
                    heapq.heapify(self._waiting)
                    return letter
                if self._closing:
                    return None
                soonest = min((one.due_s for one in self._waiting), default=None)
                self._turned.wait(None if soonest is None else max(0.0, soonest - now_s))

    def _deliver(self, letter: _Letter) -> None:
        letter.attempt += 1
        tell: Tell = letter.tell
        still: list[NotifyBase] = []
        for address in letter.left:
            try:
                taken = bool(
                    address.notify(body=tell.text, title=tell.title, notify_type=_notify_type(tell.urgency))
                )
                why = "was not taken"
            except Exception as error:
                taken, why = False, type(error).__name__
            if taken:
                letter.taken += 1
            else:
                still.append(address)
                letter.detail = f"{masked(address)}: {why}, {letter.attempt} attempts"
        letter.left = still


def masked(address: "NotifyBase") -> str:
    """Return an address without its secrets and without its query."""
    return str(address.url(privacy=True)).split("?", 1)[0]


def _by_urgency(settings: NotifySettings) -> "dict[Urgency, list[NotifyBase]]":
    found: dict[Urgency, list[NotifyBase]] = {}
    lesser: list[NotifyBase] = []
    for urgency in sorted(_RANK, key=lambda one: -_RANK[one]):
        lesser = found[urgency] = _addresses(getattr(settings, urgency), f"notify.{urgency}") or lesser
    return found


def _addresses(urls: Sequence[str], where: str) -> "list[NotifyBase]":
    if not urls:
        return []
    import apprise  # noqa: PLC0415 - a sixth of a second, and only for who tells people

    found: list[NotifyBase] = []
    for number, url in enumerate(urls):
        made: Any = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if made is None:
            raise CallerError(
                "notify.address",
                f"not an address that Apprise knows (it {_beginning(url)})",
                where=f"{where}[{number}]",
                remedy="see the Apprise documentation for the form of your service's addresses",
            )
        found.append(made)
    return found


def _beginning(url: str) -> str:
    """Say how an address begins, up to where secrets may stand."""
    service, colon, _ = url.partition("://")
    return f"begins with {service[:20]!r}" if colon else "has no `service://` in front"


def _notify_type(urgency: Urgency) -> Any:
    import apprise  # noqa: PLC0415 - loaded already when there is an address

    return apprise.NotifyType(_TYPE[urgency])
