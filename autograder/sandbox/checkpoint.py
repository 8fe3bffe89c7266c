"""Reads a submitted checkpoint, inside the sandbox, into plain float32 tensors with dotted names.

Nothing is unpickled without ``weights_only=True``, and sizes are asked of a file's own tables before memory is taken.
Which tensor is which is for the trusted side to find (``autograder.artefacts``).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

MAX_TENSORS = 2_000
MAX_BYTES = 200 * 2**20
MAX_DEPTH = 6
MAX_NAME = 300

# Parts of a training checkpoint that hold tensors and are no part of a model.
NOT_MODELS = ("optim", "sched", "scaler")


class UnreadableCheckpoint(ValueError):
    """The file holds no tensors that can be read safely; the text is a sentence for the student."""


def load(path: Path | str) -> dict[str, torch.Tensor]:
    """All floating-point tensors of a checkpoint, as contiguous float32 tensors that share no memory.

    Stacks of uint8 pictures, (n, c, h, w), are taken too, with their values from 0 to 255.

    Accepts what ``torch.save`` writes (zip format and the older one) and safetensors. Nested dictionaries give dotted
    names: ``{"state_dict": {"fc.bias": b}}`` becomes ``{"state_dict.fc.bias": b}``.

    Raises:
        UnreadableCheckpoint: truncated, too large, no checkpoint, or made of more than tensors.
    """
    path = Path(path)
    shown = path.name[:100]
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise UnreadableCheckpoint(f"{shown} is over {MAX_BYTES // 2**20} MB: save classifier.state_dict() alone.")
    if size == 0:
        raise UnreadableCheckpoint(f"{shown} is empty.")
    content = _read(path, shown, size)
    if not isinstance(content, Mapping):
        raise UnreadableCheckpoint(f"{shown} holds no state_dict: save classifier.state_dict(), not the model itself.")
    tensors = dict(_named(content, "", 0))
    if not tensors:
        raise UnreadableCheckpoint(f"{shown} holds no tensors: save classifier.state_dict().")
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
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except UnreadableCheckpoint:
        raise
    except MemoryError:
        raise UnreadableCheckpoint(_sentence(shown, "allocate memory")) from None
    # A damaged file makes the readers raise nearly anything; all of it means the same to the student.
    except Exception as error:
        raise UnreadableCheckpoint(_sentence(shown, str(error))) from None


def _sentence(shown: str, reason: str) -> str:
    if "unsupported global" in reason.lower():
        return f"{shown} holds Python objects beside tensors, which are not loaded: save classifier.state_dict() alone."
    if "TorchScript" in reason:
        return f"{shown} is a TorchScript file: save classifier.state_dict() instead."
    if "allocate memory" in reason:
        return f"{shown} asks for more memory than a model of this kind needs."
    return f"{shown} is damaged, truncated or not written by torch.save."


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The file's own library refuses overlapping, negative and missing ranges before it reads any."""
    import safetensors.torch

    return safetensors.torch.load_file(path)


def _check_zip(path: Path, shown: str) -> None:
    """Refuse a compressed bomb, and a list of more records than a model can have, before torch reads them."""
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    if sum(record.file_size for record in records) > MAX_BYTES or len(records) > 2 * MAX_TENSORS:
        raise UnreadableCheckpoint(f"{shown} unpacks to more than a model of this kind needs.")


def _named(content: Mapping, prefix: str, depth: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of numbers of nested dictionaries with their dotted names; optimisers are passed over."""
    for key, value in content.items():
        name = f"{prefix}{key}"[:MAX_NAME]
        if isinstance(value, torch.Tensor):
            if value.is_floating_point() or _is_pictures(value):
                yield name, value
        elif isinstance(value, Mapping) and depth < MAX_DEPTH and not _is_no_model(str(key).lower()):
            yield from _named(value, f"{name}.", depth + 1)


def _is_no_model(key: str) -> bool:
    """A schedule of noise is no scheduler of a learning rate."""
    return key.startswith(NOT_MODELS) and key != "schedule"


def _is_pictures(tensor: torch.Tensor) -> bool:
    """Other uint8 tensors of a checkpoint are states of random generators."""
    return tensor.dtype == torch.uint8 and tensor.ndim == 4


def _check_sizes(tensors: Mapping[str, torch.Tensor], shown: str) -> None:
    """Count what the copies will take: a tensor may declare more elements than its file has bytes (stride 0)."""
    if len(tensors) > MAX_TENSORS:
        raise UnreadableCheckpoint(f"{shown} holds {len(tensors):,} tensors; a ResNet-18 has about a hundred.")
    for name, tensor in tensors.items():
        plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
        if not plain or tensor.device.type != "cpu" or tensor.is_quantized:
            raise UnreadableCheckpoint(f"{shown}: {name} is not a plain tensor (sparse, quantised or without data).")
    if 4 * sum(tensor.numel() for tensor in tensors.values()) > MAX_BYTES:
        raise UnreadableCheckpoint(f"{shown} holds more than {MAX_BYTES // 2**20} MB of float32 tensors.")


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor.detach())
