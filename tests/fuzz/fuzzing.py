"""The fuzzers' engine, and ways to damage a file that was sound."""

from __future__ import annotations

import os
import secrets
import struct
import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("KIT_FUZZ_SECONDS", 6))
EXAMPLES_A_ROUND = 50
# What a length, an offset or a count is not expected to be, in the sizes and orders in which files hold them.
NUMBERS = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 8)
ODD_NUMBERS = tuple(
    struct.pack(form, number & mask)
    for number in NUMBERS
    for form, mask in (("<H", 0xFFFF), ("<I", 2**32 - 1), (">I", 2**32 - 1), ("<Q", 2**64 - 1), (">Q", 2**64 - 1))
)
EDITS: dict[str, Callable[[bytes, int, int, bytes], bytes]] = {
    "cut": lambda data, at, count, piece: data[:at],
    "remove": lambda data, at, count, piece: data[:at] + data[at + count :],
    "insert": lambda data, at, count, piece: data[:at] + piece + data[at:],
    "overwrite": lambda data, at, count, piece: data[:at] + piece + data[at + len(piece) :],
    "repeat": lambda data, at, count, piece: data[: at + count] + data[at:],
    "move": lambda data, at, count, piece: data[at + count :] + data[at : at + count] + data[:at],
    "flip": lambda data, at, count, piece: (
        data[:at] + bytes(b ^ 1 << count % 8 for b in data[at : at + 1]) + data[at + 1 :]
    ),
    "fill": lambda data, at, count, piece: data[:at] + piece[:1] * count + data[at + count :],
}


def fuzz(strategy: st.SearchStrategy, law: Callable[[object], None], least: int, seconds: float = SECONDS) -> None:
    """Try ``law`` on ``least`` examples with ever fresh seeds, and on more until the time is over."""
    end = time.monotonic() + seconds
    tried, failed = 0, False

    def enough() -> bool:
        return tried >= least and time.monotonic() > end

    def attempt(value: object) -> None:
        nonlocal tried, failed
        if enough() and not failed:  # once failed, the smallest example is looked for in peace
            return
        tried += 1
        try:
            law(value)
        except BaseException:
            failed = True
            raise

    while not enough():
        rules = settings(
            max_examples=EXAMPLES_A_ROUND,
            deadline=None,
            database=None,
            verbosity=Verbosity.normal,
            phases=(Phase.generate, Phase.target, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        seed(secrets.randbits(64))(rules(given(strategy)(lambda value: attempt(value))))()


def damaged(sound: Sequence[bytes], most: int = 6) -> st.SearchStrategy[bytes]:
    """A sound file after some edits; an edit's place is a fraction of the file, for all files alike."""
    pieces = st.binary(max_size=20) | st.sampled_from(ODD_NUMBERS)
    edits = st.tuples(st.sampled_from(sorted(EDITS)), st.floats(0, 1), st.integers(0, 40), pieces)
    return st.builds(_edited, st.sampled_from(list(sound)), st.lists(edits, max_size=most))


def _edited(data: bytes, edits: Sequence[tuple[str, float, int, bytes]]) -> bytes:
    for name, place, count, piece in edits:
        data = EDITS[name](data, int(place * len(data)), count, piece)
    return data
