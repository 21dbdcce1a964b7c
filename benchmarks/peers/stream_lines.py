"""Read a saved stream: the snapshot, then the frames as text, as a websocket library hands them over."""


def read_stream(case: str) -> tuple[bytes, list[tuple[int, str]]]:
    """Return the snapshot's bytes and (received_ns, frame) of every frame after it."""
    with open(case, "rb") as file:
        lines = [line.rstrip(b"\n").split(b" ", 1) for line in file]
    return lines[0][1], [(int(stamp), frame.decode()) for stamp, frame in lines[1:]]
