"""Frames and what is in them: a plain answer or a ProtocolError, in time, in memory that the caps bound."""

from __future__ import annotations

import json
import socket
import struct
import time
import tracemalloc
from math import prod

import numpy as np
import pytest
from hypothesis import strategies as st

from autograder import protocol
from autograder.arrays import BFLOAT16
from autograder.protocol import Caps, ProtocolError
from tests.fuzz.fuzzing import damaged, fuzz

CAPS = Caps(header=1 << 12, payload=1 << 14)
# Reading copies a header a few times and makes objects of it: at most so many bytes for each that the caps allow.
MAX_MEMORY = 80 * (CAPS.header + CAPS.payload) + (1 << 20)
MAX_SECONDS = 2.0
TENSORS = {
    "value": np.array(1.5),
    "gradient": np.arange(12, dtype=np.float32).reshape(3, 4),
    "flags": np.array([True, False, True]),
    "empty": np.empty((0, 3), np.int64),
    "half": np.ones(5, np.int16).view(BFLOAT16),
}
FRAMES = (
    protocol.encode({"id": "0" * 32, "ok": True}, TENSORS),
    protocol.encode({"id": "0" * 32, "ok": False, "error": {"type": "E", "message": "x", "cell": 1, "line": None}}),
    protocol.encode({}, {"x": np.zeros(1000, np.float32)}),
)

numbers = st.integers(-(2**70), 2**70) | st.sampled_from([0, 1, 2**48, 2**63, 2**64 - 1, -1]) | st.integers(0, 20)
odd = st.none() | st.booleans() | numbers | st.floats() | st.text(max_size=5)
values = st.recursive(odd, lambda x: st.lists(x, max_size=4) | st.dictionaries(st.text(max_size=5), x, max_size=4))
dtypes = st.sampled_from([*protocol.DTYPES, "F8_E4M3", "C64", "U64", "f32", ""])
names = st.sampled_from(["a", "b", "__metadata__", "a\n", "", "x" * 301, "\ud800", "é"]) | st.text(max_size=5)


def deep(opening: str, depth: int, end: str) -> bytes:
    """JSON that is nested, and perhaps not closed."""
    return (opening * depth + end).encode()


json_texts = (
    st.builds(lambda value: json.dumps(value).encode(), values)
    | st.builds(
        deep, st.sampled_from(["[", '{"a":', "[[],"]), st.integers(0, 5000), st.sampled_from(["", "1", "]" * 9])
    )
    | st.builds(lambda digits: b"[" + b"9" * digits + b"]", st.integers(0, 6000))
    | damaged([b'{"id": "a", "ok": true, "error": {"cell": 1, "x": [1.5e300, -0.0, "\\ud800"]}}'])
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A safetensors byte string whose index is right, but for what is changed in some entries."""
    index, end = {}, 0
    for name in draw(st.lists(names, max_size=4, unique=True)):
        dtype = draw(st.sampled_from(sorted(protocol.DTYPES)))
        shape = draw(st.lists(st.integers(0, 4), max_size=4))
        size = protocol.DTYPES[dtype].itemsize * prod(shape)
        entry = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
        if draw(st.integers(0, 3)) == 0:
            field = draw(st.sampled_from(["dtype", "shape", "data_offsets", "more"]))
            entry[field] = draw(values | st.lists(numbers, max_size=10) | dtypes)
        index[name] = entry
    text = json.dumps(index if draw(st.integers(0, 9)) else draw(values)).encode()
    length = len(text) if draw(st.integers(0, 9)) else draw(numbers) % 2**64
    data = draw(st.binary(min_size=end, max_size=end) | st.binary(max_size=300))
    return struct.pack("<Q", length) + text + data


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of a header and a payload that are nearly right, under lengths that are nearly right."""
    header, payload = draw(json_texts), draw(payloads() | st.just(b""))
    lengths = [len(header), len(payload)]
    if draw(st.integers(0, 4)) == 0:
        lengths = [draw(numbers) % 2**32, draw(numbers) % 2**64]
    return (
        protocol.PREFIX.pack(draw(st.sampled_from([b"kit1", b"kit1", b"kit1", b"kit2"])), *lengths) + header + payload
    )


def refuses_or(read, check) -> None:
    """Run ``read``: a ProtocolError of one line, or something that passes ``check``; in bounded time and memory."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        check(read())
    except ProtocolError as error:
        assert str(error) and "\n" not in str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MAX_MEMORY, peak
    assert time.monotonic() - started < MAX_SECONDS


def received(data: bytes) -> tuple[dict, dict]:
    """What the receiver makes of these bytes, after which the other side is gone."""
    left, right = socket.socketpair()
    with left, right:
        left.sendall(data[: 1 << 16])
        left.close()
        return protocol.receive(right, CAPS, time.monotonic() + 1)


def are_plain(tensors: dict[str, np.ndarray]) -> None:
    """Arrays of the exact class, of known dtypes, that lie in the caps, under names that can be printed."""
    assert type(tensors) is dict
    for name, tensor in tensors.items():
        assert type(name) is str and name.isprintable() and 0 < len(name) <= protocol.MAX_NAME
        assert type(tensor) is np.ndarray and tensor.dtype in protocol.CODES
        assert tensor.flags.c_contiguous and tensor.flags.aligned and tensor.flags.writeable
        assert tensor.ndim <= protocol.MAX_DIMENSIONS
        assert tensor.dtype != np.bool_ or not (tensor.view(np.uint8) > 1).any()
    assert sum(tensor.nbytes for tensor in tensors.values()) <= CAPS.payload


def is_answer(answer: tuple[dict, dict]) -> None:
    """A JSON object and plain tensors, which can be sent again and arrive as they were."""
    header, tensors = answer
    assert type(header) is dict
    are_plain(tensors)
    again, same = received(protocol.encode(header, tensors))
    assert json.dumps(again) == json.dumps(header) and set(same) == set(tensors)
    assert all(same[name].shape == tensors[name].shape for name in same)
    assert all(same[name].tobytes() == tensors[name].tobytes() for name in same)


def test_frames():
    strategy = frames() | damaged(FRAMES) | st.binary(max_size=200)
    fuzz(strategy, lambda data: refuses_or(lambda: received(data), is_answer), 100)


def test_json():
    fuzz(json_texts, lambda text: refuses_or(lambda: protocol.parse_json(text), protocol.check_json), 100)


def test_tensors():
    strategy = payloads() | damaged([frame[frame.index(b"}", 16) + 1 :] for frame in FRAMES]) | st.binary(max_size=100)
    fuzz(strategy, lambda data: refuses_or(lambda: protocol.parse_tensors(data), are_plain), 100)


def test_a_boolean_that_is_neither_0_nor_1_is_refused():
    text = json.dumps({"x": {"dtype": "BOOL", "shape": [2], "data_offsets": [0, 2]}}).encode()
    for byte in (b"\2", b"\xff"):
        with pytest.raises(ProtocolError, match="not booleans"):
            protocol.parse_tensors(struct.pack("<Q", len(text)) + text + b"\1" + byte)


def test_sound_frames_are_no_part_of_what_is_refused():
    for frame in FRAMES:
        is_answer(received(frame))
