"""Notify: real HTTP receivers, one that fails, one that is slow; the desk never waits and secrets are never printed."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue

import msgspec
import pytest

from holdfast.action import Tell
from holdfast.app.control.notify import ATTEMPTS_MAX, QUEUE_MAX, Notifier, NotifySettings, Told, masked
from holdfast.error import CallerError

BACKOFF_S = 0.01
SECRET = "hunter2secret"


class Receiver:
    """A local HTTP server that keeps what it was told; it answers 500 to the first `failing` posts and waits at `gate`."""

    def __init__(self) -> None:
        receiver = self
        self.bodies: list[dict[str, str]] = []
        self.posts = 0
        self.failing = 0
        self.gate = threading.Event()
        self.gate.set()

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.gate.wait(10)
                receiver.posts += 1
                fails = receiver.posts <= receiver.failing
                if not fails:
                    receiver.bodies.append(body)
                self.send_response(500 if fails else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep the terminal clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"json://ann:{SECRET}@127.0.0.1:{self.server.server_address[1]}/hook"

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def other() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.stop()


def told_by(settings: NotifySettings) -> "tuple[Notifier, Queue[Told]]":
    told: Queue[Told] = Queue()
    return Notifier(settings, told.put, backoff_s=BACKOFF_S), told


def test_a_text_reaches_its_receiver_with_title_and_urgency(receiver: Receiver) -> None:
    notifier, told = told_by(NotifySettings(critical=(receiver.url,)))
    assert notifier.tell("run/step/0", Tell("Desk halted", "tom: odd fills", "critical"))
    assert told.get(timeout=10) == Told("run/step/0", 1, 1)
    (body,) = receiver.bodies
    assert (body["title"], body["message"], body["type"]) == ("Desk halted", "tom: odd fills", "failure")
    notifier.close()


def test_a_key_is_told_once_while_it_is_known(receiver: Receiver) -> None:
    notifier, told = told_by(NotifySettings(info=(receiver.url,)))
    assert notifier.tell("a/b/0", Tell("t", "x", "info"))
    assert told.get(timeout=10).delivered
    assert notifier.tell("a/b/0", Tell("t", "x", "info"))
    notifier.close()
    assert len(receiver.bodies) == 1


def test_a_failing_receiver_is_tried_again_and_the_other_is_not_told_twice(
    receiver: Receiver, other: Receiver
) -> None:
    receiver.failing = 2
    notifier, told = told_by(NotifySettings(warning=(receiver.url, other.url)))
    notifier.tell("a/b/0", Tell("t", "x"))
    assert told.get(timeout=10).taken == 2
    notifier.close()
    assert (receiver.posts, other.posts) == (3, 1)


def test_a_receiver_that_never_answers_well_is_given_up_and_named_without_its_secret(
    receiver: Receiver,
) -> None:
    receiver.failing = 10**6
    notifier, told = told_by(NotifySettings(warning=(receiver.url,)))
    notifier.tell("a/b/0", Tell("t", "x"))
    outcome = told.get(timeout=10)
    assert (outcome.delivered, receiver.posts) == (False, ATTEMPTS_MAX)
    assert "json://ann:****@127.0.0.1" in outcome.detail
    assert SECRET not in outcome.detail
    receiver.failing = 0
    assert notifier.tell("a/b/0", Tell("t", "x")), "what reached nobody may be handed in again"
    assert told.get(timeout=10).delivered
    notifier.close()


def test_one_of_two_receivers_is_enough_and_the_other_is_named(receiver: Receiver, other: Receiver) -> None:
    other.failing = 10**6
    notifier, told = told_by(NotifySettings(warning=(receiver.url, other.url)))
    notifier.tell("a/b/0", Tell("t", "x"))
    outcome = told.get(timeout=10)
    assert (outcome.taken, outcome.addresses, outcome.delivered) == (1, 2, True)
    assert f"{ATTEMPTS_MAX} attempts" in outcome.detail
    notifier.close()


def test_a_slow_receiver_does_not_hold_the_desk_and_a_full_queue_is_a_refusal(receiver: Receiver) -> None:
    receiver.gate.clear()
    notifier, told = told_by(NotifySettings(info=(receiver.url,)))
    taken = [notifier.tell(f"a/b/{number}", Tell("t", "x", "info")) for number in range(QUEUE_MAX + 10)]
    assert QUEUE_MAX <= sum(taken) <= QUEUE_MAX + 1
    assert taken == sorted(taken, reverse=True)
    with pytest.raises(Empty):
        told.get_nowait()
    receiver.gate.set()
    for _ in range(sum(taken)):
        assert told.get(timeout=10).delivered
    assert notifier.tell("a/b/9999", Tell("t", "x", "info"))
    notifier.close()


def test_a_critical_text_overtakes_the_others(receiver: Receiver) -> None:
    receiver.gate.clear()
    notifier, told = told_by(NotifySettings(info=(receiver.url,), critical=(receiver.url,)))
    for number in range(3):
        notifier.tell(f"info/{number}/0", Tell("t", f"info {number}", "info"))
    deadline_s = time.monotonic() + 5
    while not notifier.is_delivering and time.monotonic() < deadline_s:
        time.sleep(0.001)
    notifier.tell("halt/0/0", Tell("t", "halted", "critical"))
    receiver.gate.set()
    for _ in range(4):
        told.get(timeout=10)
    notifier.close()
    assert [body["message"] for body in receiver.bodies] == ["info 0", "halted", "info 1", "info 2"]


def test_an_urgency_without_addresses_uses_those_of_a_lesser_one(receiver: Receiver) -> None:
    notifier, told = told_by(NotifySettings(info=(receiver.url,)))
    notifier.tell("a/b/0", Tell("t", "x", "critical"))
    assert told.get(timeout=10).delivered
    notifier.close()


def test_nobody_to_tell_is_an_outcome_and_no_delivery() -> None:
    notifier, told = told_by(NotifySettings())
    notifier.tell("a/b/0", Tell("t", "x", "info"))
    outcome = told.get(timeout=10)
    assert (outcome.delivered, outcome.detail) == (False, "no address for info")
    notifier.close()


def test_closing_tries_what_waits_once_more_and_takes_nothing_new(receiver: Receiver) -> None:
    receiver.failing = 10**6
    told: Queue[Told] = Queue()
    notifier = Notifier(NotifySettings(info=(receiver.url,)), told.put, backoff_s=3600.0)
    notifier.tell("a/b/0", Tell("t", "x", "info"))
    deadline_s = time.monotonic() + 5
    while receiver.posts < 1 and time.monotonic() < deadline_s:
        time.sleep(0.001)
    receiver.failing = 0
    notifier.close()
    assert told.get(timeout=10).delivered
    assert not notifier.tell("a/b/1", Tell("t", "x", "info"))


def test_an_address_that_is_none_is_refused_with_its_place_and_without_its_secret(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(CallerError) as caught:
        NotifySettings(warning=("json://127.0.0.1/ok", f"nonsense://ann:{SECRET}@host"))
    with pytest.raises(CallerError) as bare:
        NotifySettings(critical=(SECRET,))
    assert (caught.value.code, caught.value.where) == ("notify.address", "notify.warning[1]")
    shown = f"{caught.value}{bare.value}{''.join(capfd.readouterr())}"
    assert SECRET not in shown


def test_settings_never_show_their_addresses() -> None:
    settings = NotifySettings(info=(f"json://ann:{SECRET}@127.0.0.1",))
    assert SECRET not in repr(settings)
    read = msgspec.convert({"critical": ["json://127.0.0.1"]}, NotifySettings)
    assert read.critical == ("json://127.0.0.1",)


def test_a_masked_address_keeps_its_host() -> None:
    from apprise import Apprise  # noqa: PLC0415

    made = Apprise.instantiate(f"jsons://ann:{SECRET}@example.org/hook")
    assert masked(made) == "jsons://ann:****@example.org/hook"  # type: ignore[arg-type]
