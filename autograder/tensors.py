"""Stores named tensors with JSON metadata in one safetensors file. The same content gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import safe_open

METADATA_KEY = "kit"


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: object) -> None:
    """Write ``tensors`` and JSON-able ``metadata`` to ``path``."""
    packed = {name: tensor.detach().contiguous() for name, tensor in sorted(tensors.items())}
    text = json.dumps(metadata, sort_keys=True, ensure_ascii=False)
    safetensors.torch.save_file(packed, path, metadata={METADATA_KEY: text})


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], object]:
    """Read what ``write_tensors`` wrote: (tensors, metadata)."""
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()[METADATA_KEY])
        return {name: file.get_tensor(name) for name in file.keys()}, metadata  # noqa: SIM118 (no mapping)
