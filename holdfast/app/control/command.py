"""Commands: what a person tells the desk, signed, and the first half of judging one: is it theirs, and is it fresh.

Rules:

1. A command is canonical JSON of {arguments, command, desk, nonce, operator, time_ns}; the signature is over a fixed prefix
   and exactly those bytes, so a command of one desk means nothing to another and no other signed text is a command.
2. A command is fresh for a minute. A brake (`halt`, `pause`) is taken for ten, and from a file however late: nobody wrote it
   by accident, and stopping late is better than not stopping.
3. Every refusal is a value with a code that stays.
4. What stands in the ledger proves itself: `signature_text` keeps the time, the nonce and the signature.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.app.control.operator import OperatorSettings
from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.keys.file_signer import FileSigner
from holdfast.policy.nearest import nearest
from holdfast.receipt import Commanded

AGE_NS_MAX: Final = 60 * SECOND_NS
BRAKE_AGE_NS_MAX: Final = 10 * MINUTE_NS
COMMAND_BYTES_MAX: Final = 16_384
NONCE_HEX_CHARS: Final = 32

READS: Final = ("status", "incidents", "show")
BRAKES: Final = ("halt", "pause")
COMMANDS: Final = (
    *READS,
    "approve",
    "deny",
    *BRAKES,
    "resume",
    "release",
    "start",
    "stop",
    "arm",
    "disarm",
    "drill",
)

REPLAYED: Final = "command.replayed"
STALE: Final = "command.stale"

_PREFIX: Final = b"holdfast/command\n"
_NONCE: Final = re.compile(rf"[0-9a-f]{{{NONCE_HEX_CHARS}}}", re.ASCII)


class Refusal(msgspec.Struct, frozen=True):
    """The desk said no: a code that stays, why, and what to do next."""

    code: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.reason}{f' ({self.remedy})' if self.remedy else ''} [{self.code}]"


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one person tells one desk. `nonce` makes it happen once."""

    command: str
    arguments: dict[str, str]
    desk: str
    operator: str
    time_ns: int
    nonce: str


class SignedCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The canonical text of a command, and the base64 of its signature."""

    text: str
    signature: str


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_COMMAND: Final = msgspec.json.Decoder(Command)
_SIGNED: Final = msgspec.json.Decoder(SignedCommand)


def sign_command(command: Command, signer: FileSigner) -> SignedCommand:
    """Sign a command with the operator's key."""
    text = _ENCODER.encode(command)
    return SignedCommand(text.decode(), base64.b64encode(signer.sign(_PREFIX + text)).decode())


def encode_signed(signed: SignedCommand) -> bytes:
    """Return a signed command as one line of JSON, without the newline."""
    return _ENCODER.encode(signed)


def decode_signed(data: bytes) -> SignedCommand | Refusal:
    """Read a signed command; whatever is none is refused as `command.malformed`."""
    if len(data) > COMMAND_BYTES_MAX:
        return Refusal("command.malformed", f"longer than {COMMAND_BYTES_MAX} bytes")
    try:
        return _SIGNED.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Refusal("command.malformed", f"not a signed command: {error}")


def read_command(signed: SignedCommand) -> Command | Refusal:
    """Read what a signed command says, without believing it."""
    try:
        command = _COMMAND.decode(signed.text)
        canonical = _ENCODER.encode(command).decode() == signed.text
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Refusal("command.malformed", f"not a command: {error}")
    if not canonical or not _NONCE.fullmatch(command.nonce):
        return Refusal("command.malformed", "not in canonical form")
    return command


def verify_command(
    signed: SignedCommand,
    desk: str,
    operators: Mapping[str, OperatorSettings],
    now_ns: int,
    *,
    from_file: bool,
) -> Command | Refusal:
    """Return the command once it is known to be an operator's, for this desk, and fresh."""
    command = read_command(signed)
    if isinstance(command, Refusal):
        return command
    if command.desk != desk:
        return Refusal("command.other_desk", f"signed for the desk {command.desk!r}, and this is {desk!r}")
    operator = operators.get(command.operator)
    if operator is None:
        return Refusal(
            "command.unknown_operator",
            f"no operator {command.operator!r} in the config",
            nearest(command.operator, operators) or "add the lines that `holdfast operator new` prints",
        )
    if not is_signed_by(signed, operator):
        return Refusal(
            "command.wrong_key",
            f"not signed by the key that the config has for {command.operator!r}",
            f"sign with the key of {command.operator!r}, or put its verifier key into the config",
        )
    if command.command not in COMMANDS:
        return Refusal(
            "command.unknown", f"no command {command.command!r}", nearest(command.command, COMMANDS)
        )
    return _stale(command, now_ns, from_file=from_file) or command


def is_signed_by(signed: SignedCommand, operator: OperatorSettings) -> bool:
    """Tell whether this operator's key signed exactly this text."""
    try:
        signature = base64.b64decode(signed.signature, validate=True)
        key = Ed25519PublicKey.from_public_bytes(operator.verifier.public_key)
        key.verify(signature, _PREFIX + signed.text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return base64.b64encode(signature).decode() == signed.signature


def signature_text(signed: SignedCommand, command: Command) -> str:
    """Return what the ledger keeps of a command's signature: time, nonce, signature."""
    return f"{command.time_ns} {command.nonce} {signed.signature}"


def command_of(receipt: Commanded, desk: str) -> tuple[Command, SignedCommand] | None:
    """Rebuild the signed command that a receipt speaks of, to be verified again; None when it keeps no signature."""
    parts = receipt.signature.split(" ")
    if len(parts) != 3 or not parts[0].lstrip("-").isdecimal():
        return None
    command = Command(
        command=receipt.command,
        arguments=receipt.arguments,
        desk=desk,
        operator=receipt.operator,
        time_ns=int(parts[0]),
        nonce=parts[1],
    )
    return command, SignedCommand(_ENCODER.encode(command).decode(), parts[2])


def _stale(command: Command, now_ns: int, *, from_file: bool) -> Refusal | None:
    brake = command.command in BRAKES
    if brake and from_file:
        return None
    age_ns, age_ns_max = now_ns - command.time_ns, BRAKE_AGE_NS_MAX if brake else AGE_NS_MAX
    if abs(age_ns) <= age_ns_max:
        return None
    when = "ago" if age_ns > 0 else "ahead"
    return Refusal(
        STALE,
        f"signed {abs(age_ns) / SECOND_NS:.0f} s {when} by the desk's clock; it counts for {age_ns_max / SECOND_NS:.0f} s",
        "give it again; if that fails too, compare the clocks of the two machines",
    )
