"""A desk for the tests of control: operators with real keys, a gate over a real journal, a node that only listens."""

import asyncio
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.action import CancelAll
from holdfast.app.control.authority import Authority
from holdfast.app.control.command import Command, SignedCommand, sign_command
from holdfast.app.control.gate import Gate, Verdict
from holdfast.app.control.inbox import Inbox
from holdfast.app.control.lines import Answer
from holdfast.app.control.operator import OperatorSettings, new_operator
from holdfast.app.control.server import ControlServer
from holdfast.clock import SECOND_NS
from holdfast.event import Scope
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import decode, encode
from holdfast.receipt import (
    ApprovalAsked,
    Intended,
    PlaybookArmed,
    PlaybookStarted,
    Receipt,
    Settled,
    StepEntered,
    StepLeft,
)

DESK = "fund-7"
NOW_NS = 1_760_131_080 * SECOND_NS
VENUES = {"deribit": ("BTC-PERPETUAL", "ETH-PERPETUAL"), "binance": ("BTCUSDT",)}
PLAYBOOKS = ("deleverage", "circuit_breaker")
PEOPLE = {"vic": "viewer", "tom": "trader", "tess": "trader", "rita": "risk_officer", "ada": "admin"}


class People:
    """Operators by name, with their signers."""

    def __init__(self, folder: Path) -> None:
        self.signers = {name: new_operator(folder / f"{name}.key", name) for name in PEOPLE}
        self.settings = tuple(
            OperatorSettings(name=name, key=self.signers[name].verifier_key, roles=(role,))  # type: ignore[arg-type]
            for name, role in PEOPLE.items()
        )
        self.folder = folder

    def key(self, name: str) -> str:
        return str(self.folder / f"{name}.key")

    def sign(self, operator: str, command: str, time_ns: int = NOW_NS, **arguments: str) -> SignedCommand:
        return sign_command(self.command(operator, command, time_ns, **arguments), self.signers[operator])

    @staticmethod
    def command(operator: str, command: str, time_ns: int = NOW_NS, **arguments: str) -> Command:
        return Command(
            command=command,
            arguments=arguments,
            desk=DESK,
            operator=operator,
            time_ns=time_ns,
            nonce=secrets.token_hex(16),
        )

    def gate(self, policies: Path | None = None) -> Gate:
        authority = Authority.load(policies, self.settings)
        return Gate(DESK, self.settings, authority, venues=VENUES, playbooks=PLAYBOOKS)


def judged(gate: Gate, signed: SignedCommand, now_ns: int = NOW_NS, *, from_file: bool = False) -> Verdict:
    """Judge a command and fold what follows, as a node does once it is durable."""
    verdict = gate.judge(now_ns, signed, from_file=from_file)
    for receipt in verdict.receipts:
        gate.fold(receipt)
    return verdict


def incident(now_ns: int = NOW_NS, trigger: str = "level reduce", needed: int = 2) -> list[Receipt]:
    """Return the receipts of a run that has cancelled and now asks people."""
    run, deribit = "deleverage-17", Scope("deribit")
    key = f"{run}/cancel/0"
    at = now_ns - 60 * SECOND_NS
    return [
        PlaybookArmed(at - 1, "deleverage", "confirm", "rita"),
        PlaybookStarted(at, run, "deleverage", "0a1b2c3d4e5f", deribit, "confirm", trigger, {"score": 74.0}),
        StepEntered(at, run, "cancel", {"venue": "deribit"}),
        Intended(at, key, CancelAll("deribit", "main"), "deleverage: cancel"),
        Settled(at + SECOND_NS, key, "done", detail="12 cancelled"),
        StepLeft(at + SECOND_NS, run, "cancel", "done", "ask"),
        StepEntered(at + SECOND_NS, run, "ask", {"fraction": "0.4"}, deadline_ns=now_ns + 200 * SECOND_NS),
        ApprovalAsked(
            time_ns=at + SECOND_NS,
            approval=f"{run}/ask",
            run=run,
            step="ask",
            question="Sell 40% of what is held at deribit?",
            exposure_usd=1_200_000.0,
            needed=needed,
            asked=("role:trader", "rita"),
            expires_ns=now_ns + 200 * SECOND_NS,
            otherwise="pause",
        ),
    ]


def write_config(people: People, extra: str = "", journal: str = "sqlite") -> Path:
    """Write a desk's config into the folder of the keys and make its state folder."""
    path = people.folder / "desk.toml"
    operators = "".join(
        f'[[operators]]\nname = "{one.name}"\nkey = "{one.key}"\nroles = ["{one.roles[0]}"]\n'
        for one in people.settings
    )
    venues = "".join(
        f'[[venues]]\nname = "{name}"\nclient = "deribit"\nsymbols = {list(symbols)!r}\ncredentials = "x"\n'
        for name, symbols in VENUES.items()
    )
    path.write_text(f'desk = "{DESK}"\nfolder = "state"\njournal = "{journal}"\n{extra}\n{operators}{venues}')
    (people.folder / "state").mkdir(exist_ok=True)
    return path


class ListeningNode:
    """What a node does about control, and nothing else: judge, write, fold, answer."""

    def __init__(self, people: People, clock_ns: "list[int]") -> None:
        self.folder = people.folder / "state"
        self.journal = SqliteJournal(self.folder / "journal.sqlite")
        self.gate = people.gate()
        self.clock_ns = clock_ns
        self.epoch = self.journal.take_over("node-1", clock_ns[0])
        for _, record in self.journal.read():
            self.gate.fold(decode(record))
        self.inbox = Inbox(self.folder)

    def write(self, receipts: "list[Receipt] | tuple[Receipt, ...]") -> None:
        if receipts:
            self.journal.append(self.epoch, [encode(one) for one in receipts])
        for one in receipts:
            self.gate.fold(one)

    def poll(self) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for file in self.inbox.poll():
            verdict = self.gate.judge(self.clock_ns[0], file.signed, from_file=True)
            self.write(verdict.receipts)
            self.inbox.done(file)
            verdicts.append(verdict)
        return verdicts

    def hear(self, signed: SignedCommand) -> Answer:
        verdict = self.gate.judge(self.clock_ns[0], signed)
        self.write(verdict.receipts)
        if verdict.refusal is not None:
            return Answer(refusal=verdict.refusal)
        return Answer(said=verdict.because, picture=self.gate.picture, next_steps=["sell: reduce by 0.4"])


@contextmanager
def listening(node: ListeningNode) -> Iterator[ControlServer]:
    """Serve a node's control socket in a thread of its own, for a command line that waits."""
    loop = asyncio.new_event_loop()

    async def answer(signed: SignedCommand) -> Answer:
        return node.hear(signed)

    server = ControlServer(node.folder, answer)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(5)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def signer_of(people: People, name: str) -> FileSigner:
    """Return an operator's signer, loaded from its file."""
    return FileSigner.load(people.key(name))
