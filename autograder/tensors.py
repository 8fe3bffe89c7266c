"""Stores named tensors with JSON metadata in one safetensors file. The same content gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autograder.arrays import as_numpy, plain
from autograder.protocol import DTYPES, SAFETENSORS_LENGTH, pack_tensors, plain_array

if TYPE_CHECKING:
    from autograder.arrays import Array

METADATA_KEY = "kit"


def write_tensors(path: Path, tensors: Mapping[str, Array], metadata: object) -> None:
    """Write ``tensors``, of any framework, and JSON-able ``metadata`` to ``path``."""
    text = json.dumps(metadata, sort_keys=True, ensure_ascii=False)
    arrays = {name: plain_array(name, as_numpy(plain(tensor))) for name, tensor in sorted(tensors.items())}
    path.write_bytes(b"".join(pack_tensors(arrays, __metadata__={METADATA_KEY: text})))


def read_tensors(path: Path) -> tuple[dict[str, np.ndarray], object]:
    """Read what ``write_tensors`` wrote: (tensors as arrays, metadata)."""
    content = memoryview(path.read_bytes())
    first = SAFETENSORS_LENGTH.size + SAFETENSORS_LENGTH.unpack_from(content)[0]
    index = json.loads(bytes(content[SAFETENSORS_LENGTH.size : first]))
    metadata = json.loads(index.pop("__metadata__")[METADATA_KEY])
    tensors = {}
    for name, entry in index.items():
        start, stop = (first + end for end in entry["data_offsets"])
        tensors[name] = np.frombuffer(bytearray(content[start:stop]), DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata
