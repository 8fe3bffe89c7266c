"""Reads a submitted checkpoint, inside the sandbox, into plain float32 tensors with dotted names.

Nothing is unpickled without ``weights_only=True``, and sizes are read from the file's tables before memory is allocated.
The trusted side (``autograder.artefacts``) finds out which tensor is which.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from autograder.sandbox.npz import UnreadableCheckpoint
from autograder.text import quoted

MAX_TENSORS = 2_000
MAX_BYTES = 200 * 2**20
MAX_DEPTH = 6
MAX_NAME = 300

# Parts of a training checkpoint that hold tensors but are not part of a model.
NOT_MODELS = ("optim", "sched", "scaler")

# What ``weights_only`` may build beside torch's own: NumPy's numbers and arrays of numbers, in files of NumPy 1 and 2. An
# array of objects is none of them.
_BUILDERS = {"scalar": np.float64(0).__reduce__()[0], "_reconstruct": np.zeros(0).__reduce__()[0]}
_DTYPES = {type(np.dtype(code)) for code in np.typecodes["All"] if code not in "OV"}
NUMPY = [
    *(np.dtype, np.ndarray, *_DTYPES),
    *((build, f"numpy.{core}.multiarray.{name}") for core in ("core", "_core") for name, build in _BUILDERS.items()),
]


def load(path: Path | str) -> dict[str, torch.Tensor]:
    """All floating-point tensors of a checkpoint, as contiguous float32 tensors that share no memory.

    uint8 images, (n, c, h, w), are included too, with values from 0 to 255.

    Accepts files of ``torch.save`` (zip format and the older one) and safetensors. Nested dictionaries give dotted names:
    ``{"state_dict": {"fc.bias": b}}`` becomes ``{"state_dict.fc.bias": b}``.

    Raises:
        UnreadableCheckpoint: the file is truncated, too large or not a checkpoint, or contains objects besides tensors.
    """
    path = Path(path)
    shown = path.name[:100]
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UnreadableCheckpoint(f"{shown} is over {MAX_BYTES // 2**20} MB; save classifier.state_dict() only.")
    if size == 0:
        raise UnreadableCheckpoint(f"{shown} is empty.")
    content = _read(path, shown, size)
    if not isinstance(content, Mapping):
        raise UnreadableCheckpoint(f"{shown} has no state_dict; save classifier.state_dict(), not the model itself.")
    tensors = dict(_named(content, "", 0))
    if not tensors:
        raise UnreadableCheckpoint(f"{shown} has no tensors; save classifier.state_dict().")
    _check_sizes(tensors, shown)
    return {name: _plain(tensor) for name, tensor in tensors.items()}


def _read(path: Path, shown: str, size: int) -> object:
    with path.open("rb") as file:
        start = file.read(9)
    try:
        if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
            return _read_safetensors(path)
        zipped = start.startswith(b"PK\x03\x04")
        if zipped:
            _check_zip(path, shown)
        with torch.serialization.safe_globals(NUMPY):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except UnreadableCheckpoint:
        raise
    except MemoryError:
        raise UnreadableCheckpoint(_sentence(shown, "allocate memory")) from None
    # A damaged file can raise almost any exception; for the student all of them mean the same.
    except Exception as error:
        raise UnreadableCheckpoint(_sentence(shown, str(error))) from None


def _sentence(shown: str, reason: str) -> str:
    if "unsupported global" in reason.lower() or "allowlisted" in reason:
        return f"{shown} contains Python objects, which are not loaded; save classifier.state_dict() only."
    if "TorchScript" in reason:
        return f"{shown} is a TorchScript file; save classifier.state_dict() instead."
    if "allocate memory" in reason:
        return f"{shown} needs more memory than a model of this kind."
    return f"{shown} is damaged, truncated or not written by torch.save."


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The library checks the file for overlapping, negative and missing ranges before it reads tensors."""
    import safetensors.torch

    return safetensors.torch.load_file(path)


def _check_zip(path: Path, shown: str) -> None:
    """Refuse a zip bomb, or more records than a model can have, before torch reads the file."""
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    if sum(record.file_size for record in records) > MAX_BYTES or len(records) > 2 * MAX_TENSORS:
        raise UnreadableCheckpoint(f"{shown} unpacks to more data than a model of this kind has.")


def _named(content: Mapping, prefix: str, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of nested dictionaries that can belong to a model, with their dotted names. Optimisers are skipped."""
    for key, value in content.items():
        name = f"{prefix}{key}"[:MAX_NAME]
        if isinstance(value, torch.Tensor):
            if value.is_floating_point() or _is_images(value):
                yield name, value
        elif isinstance(value, Mapping) and depth < MAX_DEPTH and not _is_for_training(str(key).lower()):
            yield from _named(value, f"{name}.", depth + 1)


def _is_for_training(key: str) -> bool:
    """Whether a part belongs to the training, such as a learning rate scheduler; a noise schedule does not."""
    return key.startswith(NOT_MODELS) and key != "schedule"


def _is_images(tensor: torch.Tensor) -> bool:
    """Whether a tensor may hold images. Other uint8 tensors in a checkpoint are states of random generators."""
    return tensor.dtype == torch.uint8 and tensor.ndim == 4


def _check_sizes(tensors: Mapping[str, torch.Tensor], shown: str) -> None:
    """Check the size of the copies, because a tensor may declare more elements than its file has bytes (stride 0)."""
    if len(tensors) > MAX_TENSORS:
        raise UnreadableCheckpoint(f"{shown} has {len(tensors):,} tensors; a ResNet-18 has about a hundred.")
    for name, tensor in tensors.items():
        plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
        if not plain or tensor.device.type != "cpu" or tensor.is_quantized:
            raise UnreadableCheckpoint(
                f"{shown}: {quoted(name, 60)} is not a plain tensor (sparse, quantised or without data)."
            )
    if 4 * sum(tensor.numel() for tensor in tensors.values()) > MAX_BYTES:
        raise UnreadableCheckpoint(f"{shown} has more than {MAX_BYTES // 2**20} MB of float32 tensors.")


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor.detach())
