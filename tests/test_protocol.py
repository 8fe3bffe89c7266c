"""What one side encodes the other reads exactly; everything else is refused with a sentence, in time."""

from __future__ import annotations

import json
import socket
import struct
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import protocol
from autograder.arrays import native
from autograder.frameworks import TORCH
from autograder.protocol import Caps, ConnectionEnded, DeadlinePassed, ProtocolError
from autograder.sandbox import torch_side

CAPS = Caps(header=1 << 16, payload=1 << 16)


def exchange(frame: bytes, caps: Caps = CAPS, seconds: float = 1.0):
    left, right = socket.socketpair()
    with left, right:
        left.sendall(frame)
        return protocol.receive(right, caps, time.monotonic() + seconds)


def payload(index: object, data: bytes) -> bytes:
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def sent(tensors):
    """What arrives of tensors that a worker of a torch assignment returns."""
    _, arrays = exchange(protocol.encode({}, {name: torch_side.plain(name, one) for name, one in tensors.items()}))
    return {name: native(array, TORCH) for name, array in arrays.items()}


@pytest.mark.parametrize("dtype", sorted(torch_side.KNOWN_DTYPES, key=str))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3)])
def test_a_tensor_of_every_dtype_and_shape_arrives_bit_for_bit(dtype, shape):
    tensor = (torch.rand(shape) * 9).to(dtype)
    found = sent({"x": tensor})["x"]
    assert found.dtype == dtype and found.shape == shape and torch.equal(found, tensor)
    found += found  # memory of its own


def test_views_and_parameters_are_sent_as_they_look():
    x = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    tensors = sent({"x": x, "t": x.detach().t(), "e": x.detach()[:, :1].expand(2, 3)})
    assert torch.equal(tensors["t"], x.detach().t()) and torch.equal(tensors["e"][0], torch.zeros(3))


def test_arrays_and_numbers_of_numpy_are_sent_as_they_look():
    x = np.arange(6.0).reshape(2, 3)
    _, arrays = exchange(protocol.encode({}, {"t": x.T, "v": x[::-1, ::2], "n": np.float32(3), "b": np.True_}))
    assert np.array_equal(arrays["t"], x.T) and np.array_equal(arrays["v"], x[::-1, ::2])
    assert arrays["n"].shape == () and arrays["n"].dtype == np.float32 and arrays["b"] == np.True_


class Odd(np.ndarray):
    """A subclass, which could do anything."""


@pytest.mark.parametrize(
    "value",
    [
        *([1.0], 1.0, None, np.ones(2).view(Odd), np.ma.ones(2), np.ones(2, complex), np.ones(2, ">f8")),
        *(np.array([None]), np.array(["a"]), np.ones((1,) * 9), np.ones(2, "f4,f4"), np.array(1, "datetime64[s]")),
        *(np.ones(1, np.longdouble), np.matrix([1.0]), torch.ones(2)),
    ],
)
def test_what_is_no_plain_array_is_not_sent(value):
    with pytest.raises(ProtocolError, match="^x "):
        protocol.encode({}, {"x": value})


scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text()
objects = st.dictionaries(
    st.text(), st.recursive(scalars, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=5)
)


@settings(max_examples=30, deadline=None)
@given(objects)
def test_json_arrives_as_it_was(value):
    assert exchange(protocol.encode(value), Caps(1 << 20, 0))[0] == value


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_whatever_are_taken_for_tensors(data):
    try:
        protocol.parse_tensors(data)
    except ProtocolError as error:
        assert len(str(error)) < 400
    else:
        assert not data or data[8:10] == b"{}"


@pytest.mark.parametrize("value", [{1: 2}, {"a": (1,)}, {"a": {1}}, {"a": object()}, {"a": torch.ones(1)}, {"a": b""}])
def test_other_types_are_not_sent(value):
    with pytest.raises(ProtocolError):
        protocol.encode(value)


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (b"x" * 16, "not a frame"),
        (struct.pack(">4sIQ", b"kit1", 1 << 31, 0), "larger"),
        (struct.pack(">4sIQ", b"kit1", 2, 1 << 60) + b"{}", "larger"),
        (struct.pack(">4sIQ", b"kit1", 2, 0) + b"[]", "not a JSON object"),
        (struct.pack(">4sIQ", b"kit1", 2, 0) + b"\xff\xfe", "not valid JSON"),
        (struct.pack(">4sIQ", b"kit1", 60000, 0) + b"[" * 60000, "not valid JSON"),
        (struct.pack(">4sIQ", b"kit1", 5000, 0) + b"1" * 5000, "not valid JSON"),
        (struct.pack(">4sIQ", b"kit1", 46, 0) + b'{"a":' + b"[" * 20 + b"]" * 20 + b"}", "too deeply"),
        (struct.pack(">4sIQ", b"kit1", 40007, 0) + b'{"a":[' + b"1," * 20000 + b"1]}"[:-2], "JSON"),
    ],
)
def test_a_bad_frame_is_refused(frame, sentence):
    with pytest.raises(ProtocolError, match=sentence):
        exchange(frame)


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        struct.pack("<Q", 1 << 63) + b"{}",
        payload([], b""),
        payload({"x": entry()}, b""),
        payload({"x": entry()}, bytes(9)),
        payload({"x": entry(dtype="C64")}, bytes(8)),
        payload({"x": entry(dtype=["F32"])}, bytes(8)),
        payload({"x": entry(shape=(-2,))}, bytes(8)),
        payload({"x": entry(shape=(True, 2))}, bytes(8)),
        payload({"x": entry(shape=(1 << 62, 1 << 62))}, bytes(8)),
        payload({"x": entry(shape=(0, 1 << 62), offsets=(0, 0))}, b""),
        payload({"x": entry(shape=(1,) * 9, offsets=(0, 4))}, bytes(4)),
        payload({"x": entry(offsets=(8, 0))}, bytes(8)),
        payload({"x": entry(offsets=(-8, 0))}, bytes(8)),
        payload({"x": entry(offsets=(4, 12))}, bytes(12)),
        payload({"x": entry(), "y": entry()}, bytes(8)),
        payload({"x\n": entry()}, bytes(8)),
        payload({"x" * 301: entry()}, bytes(8)),
        payload({"x": {**entry(), "more": 1}}, bytes(8)),
        payload({str(k): entry(shape=(0,), offsets=(0, 0)) for k in range(2001)}, b""),
    ],
)
def test_tensors_that_lie_about_themselves_are_refused(data):
    with pytest.raises(ProtocolError):
        protocol.parse_tensors(data)


def test_a_deadline_holds_against_silence_and_against_a_trickle():
    left, right = socket.socketpair()
    with left, right:
        started = time.monotonic()
        with pytest.raises(DeadlinePassed):
            protocol.receive(right, CAPS, started + 0.1)
        left.sendall(b"kit1")
        with pytest.raises(DeadlinePassed):
            protocol.receive(right, CAPS, started + 0.2)
        with pytest.raises(DeadlinePassed):
            protocol.send(left, bytes(10_000_000), started + 0.3)
        assert time.monotonic() - started < 2


def test_an_ended_connection_is_named():
    left, right = socket.socketpair()
    left.close()
    with right, pytest.raises(ConnectionEnded):
        protocol.receive(right, CAPS)
    with pytest.raises(ConnectionEnded):
        left, right = socket.socketpair()
        right.close()
        with left:
            protocol.send(left, bytes(10))
