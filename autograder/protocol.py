"""The protocol between trusted and untrusted processes: length-prefixed frames of JSON and plain tensors.

A frame is ``magic, header length, payload length`` (big-endian ``4s I Q``), then a JSON object, then a safetensors byte
string (empty if there is no tensor). Lengths are checked before anything is read, and the payload's index is checked
before any tensor is built. Nothing else is exchanged: no pickle, no object, no subclass. Here tensors are NumPy arrays; a
process of a torch assignment turns them into torch's (``autograder.arrays``, ``autograder.sandbox.torch_side``).
"""

from __future__ import annotations

import math
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONEncoder, dumps, loads

import numpy as np

from autograder.arrays import BFLOAT16

MAGIC = b"kit1"
PREFIX = struct.Struct(">4sIQ")
SAFETENSORS_LENGTH = struct.Struct("<Q")
DTYPES = {
    **{"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BFLOAT16},
    **{"I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1")},
    **{"U8": np.dtype("u1"), "BOOL": np.dtype("?")},
}
CODES = {dtype: code for code, dtype in DTYPES.items()}
SCALARS = frozenset((type(None), bool, int, float, str))
TEXT, WHOLE = frozenset((str,)), frozenset((int,))
ENTRY = {"dtype", "shape", "data_offsets"}
COMPACT = JSONEncoder(ensure_ascii=False, separators=(",", ":"))
MAX_DEPTH = 16
MAX_NODES = 50_000
MAX_TENSORS = 2_000
MAX_DIMENSIONS = 8
MAX_NAME = 300
MAX_INDEX_BYTES = 1 << 20
ENTRY_BYTES = 4 * MAX_NAME + 200  # more than an entry of an index has


class ProtocolError(Exception):
    """The data received or to be sent are not a valid frame; the text is one sentence."""


class ConnectionEnded(ProtocolError):
    """The other side closed the connection."""


class DeadlinePassed(ProtocolError):
    """No complete frame could be received or sent in time."""


@dataclass(frozen=True)
class Caps:
    """The longest header and payload, in bytes, that a receiver accepts."""

    header: int
    payload: int


def plain_array(name: str, value: object) -> np.ndarray:
    """``value``, with its numbers in one block of memory.

    Raises ProtocolError with a sentence about ``name`` if ``value`` is not a plain array.
    """
    if isinstance(value, np.generic):  # what NumPy returns in the place of an array of one number
        value = np.asarray(value)
    if type(value) is not np.ndarray:
        raise ProtocolError(f"{name} is a {type(value).__name__}, not a plain numpy.ndarray")
    if value.dtype not in CODES:
        raise ProtocolError(f"{name} has the dtype {value.dtype}, which is not supported")
    if value.ndim > MAX_DIMENSIONS:
        raise ProtocolError(f"{name} has {value.ndim} dimensions, more than {MAX_DIMENSIONS}")
    return np.ascontiguousarray(value).reshape(value.shape)


def plain_arrays(values: Mapping[str, object], prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays that are sent for ``values``, under their names with the prefix.

    Raises ProtocolError if one of them, or its name, must not be sent, or if they are too many.
    """
    if len(values) > MAX_TENSORS:
        raise ProtocolError(f"{len(values):,} tensors are too many; at most {MAX_TENSORS:,} are allowed")
    return {_name(prefix + _name(name)): plain_array(name, value) for name, value in values.items()}


def size_of(arrays: Mapping[str, np.ndarray]) -> int:
    """The most bytes that the payload of a frame has for some arrays: their numbers and their index."""
    return sum(array.nbytes + ENTRY_BYTES for array in arrays.values())


def fits(arrays: Mapping[str, np.ndarray], size: int) -> bool:
    """Whether the arrays can be sent in one frame whose payload may have ``size`` bytes."""
    return len(arrays) <= MAX_TENSORS and size_of(arrays) <= size


def encode(header: Mapping[str, object], tensors: Mapping[str, np.ndarray] | None = None) -> bytes:
    """One frame. Raises ProtocolError if a value or tensor must not be sent."""
    check_json(header)
    plain = plain_arrays(tensors or {})
    text, payload = dumps(header).encode(), pack_tensors(plain) if plain else []
    size = sum(part.nbytes if isinstance(part, np.ndarray) else len(part) for part in payload)
    return b"".join([PREFIX.pack(MAGIC, len(text), size), text, *payload])


def pack_tensors(arrays: Mapping[str, np.ndarray], **more: object) -> list[bytes | np.ndarray]:
    """The parts of a safetensors byte string, in which each array is aligned; ``more`` are other entries of its index."""
    parts = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    index, end = dict(more), 0
    for name, array in parts:
        span = [end, end := end + array.nbytes]
        index[name] = {"dtype": CODES[array.dtype], "shape": list(array.shape), "data_offsets": span}
    text = COMPACT.encode(index).encode()
    text += b" " * (-len(text) % 8)
    return [SAFETENSORS_LENGTH.pack(len(text)), text, *(array for _, array in parts)]


def send(connection: socket.socket, frame: bytes, deadline: float | None = None) -> None:
    """Write a whole frame before ``deadline`` (a ``time.monotonic()``; None waits without limit)."""
    rest = memoryview(frame)
    while rest:
        try:
            rest = rest[connection.send(rest, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise ConnectionEnded("the other side closed the connection") from error
        if rest:
            _wait(connection, select.POLLOUT, deadline)


def receive(
    connection: socket.socket, caps: Caps, deadline: float | None = None
) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    """Read one frame before ``deadline``. Returns its JSON object and its tensors, built here from bytes."""
    magic, header_bytes, payload_bytes = PREFIX.unpack(_read(connection, PREFIX.size, deadline))
    if magic != MAGIC:
        raise ProtocolError("the data are not a frame")
    if header_bytes > caps.header or payload_bytes > caps.payload:
        raise ProtocolError(f"a frame of {header_bytes + payload_bytes:,} bytes is larger than allowed")
    header = parse_json(bytes(_read(connection, header_bytes, deadline)))
    if not isinstance(header, dict):
        raise ProtocolError("the header of a frame is not a JSON object")
    return header, parse_tensors(_read(connection, payload_bytes, deadline))


def pending(connection: socket.socket) -> bool:
    """Whether data (or the end of the connection) can be read now."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def parse_json(text: bytes) -> object:
    """Decode JSON of bounded depth and size; ProtocolError otherwise."""
    try:
        value = loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a header is not valid JSON") from error
    check_json(value)
    return value


def check_json(value: object) -> None:
    """Raise ProtocolError unless ``value`` has only scalars, lists and dicts, of exact types and limited depth and number."""
    level, nodes = [value], 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            raise ProtocolError("a header holds too many values")
        level = [child for item in level if type(item) not in SCALARS for child in _children(item)]
        if not level:
            return
    raise ProtocolError("a header is nested too deeply")


def parse_tensors(payload: bytes | bytearray) -> dict[str, np.ndarray]:
    """The tensors of a safetensors byte string, each in memory of its own, after its index is checked."""
    if not payload:
        return {}
    tensors, data = {}, memoryview(payload)
    for name, (start, stop, entry) in _spans(payload).items():
        # The copy is aligned and can be written to.
        tensors[name] = np.frombuffer(bytearray(data[start:stop]), DTYPES[entry["dtype"]]).reshape(entry["shape"])
        # A byte of 2 is not a boolean: it equals True for ==, but not for torch.equal.
        if entry["dtype"] == "BOOL" and bool((tensors[name].view(np.uint8) > 1).any()):
            raise ProtocolError(f"tensor {name!r} has bytes that are not booleans")
    return tensors


def _spans(payload: bytes | bytearray) -> dict[str, tuple[int, int, dict]]:
    """First and last byte and index entry of each tensor, after all of the index is checked."""
    if len(payload) < SAFETENSORS_LENGTH.size:
        raise ProtocolError("the tensors of a frame are cut short")
    (length,) = SAFETENSORS_LENGTH.unpack_from(payload)
    first = SAFETENSORS_LENGTH.size + length
    if length > MAX_INDEX_BYTES or first > len(payload):
        raise ProtocolError("the index of a frame's tensors is longer than allowed")
    index = parse_json(bytes(payload[SAFETENSORS_LENGTH.size : first]))
    if not isinstance(index, dict) or len(index) > MAX_TENSORS:
        raise ProtocolError("the index of a frame's tensors is not an object, or has too many tensors")
    spans = {name: _span(name, entry) for name, entry in index.items()}
    end = 0
    for start, stop in sorted(spans.values()):
        if start != end:
            raise ProtocolError("the tensors of a frame overlap or leave gaps")
        end = stop
    if first + end != len(payload):
        raise ProtocolError("the tensors of a frame do not fill it")
    return {name: (first + start, first + stop, index[name]) for name, (start, stop) in spans.items()}


def _span(name: str, entry: object) -> tuple[int, int]:
    """The first and last byte of one tensor, after its entry is checked for dtype, shape and size."""
    _name(name)
    if not isinstance(entry, dict) or entry.keys() != ENTRY:
        raise ProtocolError(f"the entry of tensor {name!r} is malformed")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ProtocolError(f"tensor {name!r} has an unknown dtype")
    if not _counts(shape) or len(shape) > MAX_DIMENSIONS or math.prod(filter(None, shape)) >= 1 << 48:
        raise ProtocolError(f"tensor {name!r} has an impossible shape")
    if not _counts(offsets) or len(offsets) != 2:
        raise ProtocolError(f"tensor {name!r} has impossible offsets")
    start, stop = offsets
    if stop - start != math.prod(shape) * DTYPES[dtype].itemsize:
        raise ProtocolError(f"the size of tensor {name!r} does not match its shape")
    return start, stop


def _counts(value: object) -> bool:
    return isinstance(value, list) and WHOLE.issuperset(map(type, value)) and min(value, default=0) >= 0


def _name(name: object) -> str:
    if type(name) is not str or not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ProtocolError("a tensor's name is not a short printable string")
    return name


def _children(value: object) -> list[object]:
    if type(value) is list:
        return value
    if isinstance(value, dict) and TEXT.issuperset(map(type, value)):
        return list(value.values())
    raise ProtocolError(f"a {type(value).__name__} cannot be sent, only scalars, lists, dicts and tensors")


def _read(connection: socket.socket, size: int, deadline: float | None) -> bytearray:
    buffer = bytearray(size)
    rest = memoryview(buffer)
    while rest:
        try:
            count = connection.recv_into(rest, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            count = None
        except OSError as error:
            raise ConnectionEnded("the other side closed the connection") from error
        if count == 0:
            raise ConnectionEnded("the other side closed the connection")
        rest = rest[count or 0 :]
        if rest:  # also where data never cease to come, a byte at a time
            _wait(connection, select.POLLIN, deadline)
    return buffer


def _wait(connection: socket.socket, event: int, deadline: float | None) -> None:
    poll = select.poll()
    poll.register(connection, event)
    if deadline is None:
        poll.poll()
        return
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(math.ceil(left * 1000)):
        raise DeadlinePassed("there was no answer in time")
