"""What can happen to frames on their way: seeded damage that keeps most of them nearly right."""

import random
from collections.abc import Callable, Sequence

JUNK = (b"{", b"}", b"[", b"]", b'"', b",", b":", b"0", b"-", b".", b"e", b"\\", b"\\u0041", b"null", b"true", b" ",
        b"\x00", b"\xff", "é".encode(), "币".encode(), b"99999999999999999999", b"1e400", b"1e-4", b"00", b"[[[[]]]]",
        b'{"a":{"b":[1,{"c":null}]}}', b"0.1000000000000000055511151231257827", b"-0.0", b"NaN")  # fmt: skip


def cut(frame: bytes, chance: random.Random) -> bytes:
    return frame[: chance.randrange(len(frame) + 1)]


def flip(frame: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(frame))
    return frame[:at] + bytes([frame[at] ^ (1 << chance.randrange(8))]) + frame[at + 1 :]


def insert(frame: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(frame) + 1)
    return frame[:at] + chance.choice(JUNK) + frame[at:]


def replace(frame: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(frame))
    return frame[:at] + chance.choice(JUNK) + frame[at + chance.randrange(1, 4) :]


def change_digit(frame: bytes, chance: random.Random) -> bytes:
    digits = [i for i, byte in enumerate(frame) if 0x30 <= byte <= 0x39]
    if not digits:
        return frame
    at = chance.choice(digits)
    return frame[:at] + str(chance.randrange(10)).encode() + frame[at + 1 :]


def swap_pieces(frame: bytes, chance: random.Random) -> bytes:
    """Exchange two neighbours of the frame's comma-separated pieces: keys change their order, lists lose theirs."""
    pieces = frame.split(b",")
    at = chance.randrange(max(1, len(pieces) - 1))
    pieces[at : at + 2] = reversed(pieces[at : at + 2])
    return b",".join(pieces)


def repeat_piece(frame: bytes, chance: random.Random) -> bytes:
    pieces = frame.split(b",")
    pieces.insert(chance.randrange(len(pieces) + 1), chance.choice(pieces))
    return b",".join(pieces)


def spread(frame: bytes, chance: random.Random) -> bytes:
    """Write the same JSON with blanks."""
    return frame.replace(b",", chance.choice((b", ", b",\n", b"\t,"))) + chance.choice((b"", b"\n", b" \r\n"))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    cut, flip, insert, replace, change_digit, swap_pieces, repeat_piece, spread,
)  # fmt: skip


def damaged(frames: Sequence[bytes], share: float, seed: int) -> list[bytes]:
    """Return the frames with some damaged, lost, doubled or exchanged with the next one."""
    chance = random.Random(seed)
    found: list[bytes] = []
    for frame in frames:
        if chance.random() >= share:
            found.append(frame)
            continue
        fate = chance.randrange(12)
        if fate == 0:
            continue
        if fate == 1:
            found += [frame, frame]
        elif fate == 2 and found:
            found.insert(len(found) - 1, frame)
        elif frame:
            found.append(chance.choice(DAMAGES)(frame, chance))
    return found
