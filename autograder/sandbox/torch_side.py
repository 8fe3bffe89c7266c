"""What a worker needs of torch, for an assignment in torch: plain tensors, a fresh state, harmless replacements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.utils.data

from autograder import arrays
from autograder.frameworks import TORCH
from autograder.protocol import MAX_DIMENSIONS, ProtocolError
from autograder.sandbox import checkpoint

FRAMEWORK = TORCH
KNOWN_DTYPES = frozenset(
    (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool)
    + (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
)


def plain(name: str, value: object) -> np.ndarray:
    """A detached, dense, contiguous copy of a tensor in memory of its own.

    Raises ProtocolError with a sentence about ``name`` if ``value`` is not a plain CPU tensor.
    """
    if type(value) is torch.nn.Parameter:
        value = value.detach()
    if type(value) is not torch.Tensor:
        raise ProtocolError(f"{name} is a {type(value).__name__}, not a plain torch.Tensor")
    if value.layout is not torch.strided or value.is_quantized or value.is_nested:
        raise ProtocolError(f"{name} is a sparse, nested or quantized tensor, not a dense one")
    if value.device.type != "cpu":
        raise ProtocolError(f"{name} is on the device {value.device.type!r}, not on the CPU")
    if value.dtype not in KNOWN_DTYPES:
        raise ProtocolError(f"{name} has the dtype {value.dtype}, which is not supported")
    if value.dim() > MAX_DIMENSIONS:
        raise ProtocolError(f"{name} has {value.dim()} dimensions, more than {MAX_DIMENSIONS}")
    value = value.detach().resolve_conj().resolve_neg()
    return arrays.as_numpy(value.clone(memory_format=torch.contiguous_format))


def load(path: Path | str) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint, see ``checkpoint.load``."""
    return {name: arrays.as_numpy(tensor) for name, tensor in checkpoint.load(path).items()}


def prepare(threads: int) -> None:
    """Set up a new worker."""
    torch.set_num_threads(threads)


def fresh_state(threads: int) -> None:
    """Undo what cells or probes have changed in torch."""
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    if torch.are_deterministic_algorithms_enabled():  # to ask costs nothing, to set costs milliseconds
        torch.use_deterministic_algorithms(False)
    torch.autograd.set_detect_anomaly(False)
    torch.set_autocast_enabled("cpu", False)
    torch.set_float32_matmul_precision("highest")
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)
    # torch.manual_seed looks for other devices as well, which takes longer than all the rest.
    torch.default_generator.manual_seed(0)


def install() -> None:
    """Put harmless replacements into torch."""
    torch.compile = as_it_is
    torch.manual_seed = torch.random.manual_seed = seeded
    _load_in_process()


def as_it_is(model: object = None, **_: object) -> object:
    """``torch.compile`` as function and decorator. It returns the function unchanged, since there is no C++ compiler."""
    return (lambda function: function) if model is None else model


def seeded(seed: int) -> torch.Generator:
    """``torch.manual_seed`` where there is only the CPU. The original looks for other devices, which takes 1 ms a call."""
    return torch.default_generator.manual_seed(int(seed))


def _load_in_process() -> None:
    """Make every DataLoader load in this process, because its workers need shared memory outside the scratch folder."""
    original = torch.utils.data.DataLoader.__init__

    def __init__(self: object, *arguments: object, **settings: object) -> None:
        # num_workers is the sixth positional argument; the other settings have no meaning without workers.
        if len(arguments) >= 6:
            arguments = (*arguments[:5], 0, *arguments[6:])
        else:
            settings["num_workers"] = 0
        for name in ("prefetch_factor", "persistent_workers", "timeout", "multiprocessing_context", "pin_memory"):
            settings.pop(name, None)
        original(self, *arguments, **settings)

    torch.utils.data.DataLoader.__init__ = __init__
