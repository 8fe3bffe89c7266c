"""The checkpoint loader: float32 tensors with names, or an UnreadableCheckpoint of one sentence, and nothing is run.

Every file is read in a child process with little memory and time, as in a sandbox: torch's own readers may crash.
"""

from __future__ import annotations

import io
import os
import pickle
import resource
import signal
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from hypothesis import strategies as st

from autograder.sandbox.checkpoint import MAX_BYTES, MAX_NAME, MAX_TENSORS, UnreadableCheckpoint, load
from tests.fuzz.fuzzing import damaged, fuzz
from tests.fuzz.test_frames import payloads

MEMORY = 1 << 30
CPU_SECONDS = 5
# Torch's readers, given nonsense, may end their process; the sandbox takes that for a file that cannot be read.
CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE})
STATE = OrderedDict(
    {
        "conv.weight": torch.arange(24.0).reshape(2, 3, 4),
        "fc.bias": torch.ones(3, dtype=torch.float16),
        "count": torch.tensor(3),
        "tied": torch.arange(9.0).reshape(3, 3).t(),
    }
)


class Runs:
    """Unpickling this makes a file."""

    def __init__(self, marker: str) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return os.mkdir, (self.marker,)


def saved(content: object, zipped: bool = True) -> bytes:
    """What ``torch.save`` writes."""
    made = io.BytesIO()
    torch.save(content, made, _use_new_zipfile_serialization=zipped)
    return made.getvalue()


def sound_files(marker: str) -> list[bytes]:
    """Checkpoints in every format, and two that would run a command."""
    nested = {"epoch": 3, "model": {"state_dict": STATE}, "optimizer": {"state": {0: torch.ones(3)}}}
    return [
        *(saved(content, zipped) for content in (STATE, nested) for zipped in (True, False)),
        safetensors.torch.save({name: tensor.contiguous() for name, tensor in STATE.items()}),
        saved({"x": Runs(marker), **STATE}),
        saved({"x": Runs(marker), **STATE}, zipped=False),
    ]


@st.composite
def repacked(draw: st.DrawFn, sound: list[bytes]) -> bytes:
    """A checkpoint of torch's zip format with one record damaged and all checksums right."""
    original = draw(st.sampled_from([file for file in sound if file.startswith(b"PK")]))
    records = {}
    with zipfile.ZipFile(io.BytesIO(original)) as archive:
        for name in archive.namelist():
            records[name] = archive.read(name)
    chosen = draw(st.sampled_from(sorted(records)))
    if draw(st.integers(0, 5)):
        records[chosen] = draw(damaged([records[chosen]], most=3))
    else:
        del records[chosen]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return made.getvalue()


@st.composite
def pickles(draw: st.DrawFn) -> bytes:
    """Pickles of odd values, bare or as torch's older format begins."""
    keys = st.text(max_size=5) | st.integers() | st.none() | st.tuples(st.integers())
    leaves = st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=5) | st.just(torch.ones(2))
    value = draw(st.recursive(leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(keys, x, max_size=3)))
    return draw(st.sampled_from([pickle.dumps, saved, lambda value: saved(value, zipped=False)]))(value)


def in_a_child(work: Callable[[], str]) -> tuple[int, str]:
    """Run ``work`` in a fork with little memory and time; its wait status and what it returned."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.write(sender, work().encode()[:60_000])
        finally:
            os._exit(0)
    os.close(sender)
    with os.fdopen(receiver, "rb") as answer:
        text = answer.read().decode()
    return os.waitpid(pid, 0)[1], text


def outcome(path: Path) -> str:
    """What the loader does with a file: the text of an UnreadableCheckpoint, or what is wrong, or ``ok``."""
    warnings.simplefilter("ignore")
    try:
        tensors = load(path)
    except UnreadableCheckpoint as error:
        sentence = str(error)
        return "refused" if sentence.startswith(f"{path.name}") and sentence.isprintable() else f"says {sentence!r}"
    except BaseException as error:
        return f"raised {type(error).__name__}: {error}"
    for name, tensor in tensors.items():
        if type(name) is not str or len(name) > MAX_NAME or type(tensor) is not torch.Tensor:
            return f"gave {name!r}: {type(tensor).__name__}"
        if tensor.dtype != torch.float32 or not tensor.is_contiguous() or tensor.requires_grad:
            return f"gave {name!r}: {tensor.dtype}, strides {tensor.stride()}"
    memory = [tensor.untyped_storage().data_ptr() for tensor in tensors.values() if tensor.numel()]
    if len(set(memory)) < len(memory):
        return "gave tensors that share memory"
    if not 0 < len(tensors) <= MAX_TENSORS or sum(4 * tensor.numel() for tensor in tensors.values()) > MAX_BYTES:
        return f"gave {len(tensors)} tensors"
    return "ok"


def test_checkpoints(tmp_path):
    torch.set_num_threads(1)
    marker, path = tmp_path / "ran", tmp_path / "best.pt"
    sound = sound_files(str(marker))
    for content in sound:  # what torch imports at the first file need not be imported in every child
        path.write_bytes(content)
        outcome(path)

    def law(content: bytes) -> None:
        path.write_bytes(content)
        status, text = in_a_child(lambda: outcome(path))
        assert not marker.exists()
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) in CRASHES):
            assert status == 0 and text in ("ok", "refused")
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]

    strategy = damaged(sound) | repacked(sound) | pickles() | payloads() | st.binary(max_size=60)
    fuzz(strategy, law, 50)


def test_sound_checkpoints_are_no_part_of_what_is_refused(tmp_path):
    path = tmp_path / "best.pt"
    for content in sound_files(str(tmp_path / "ran")):
        path.write_bytes(content)
        hostile = b"mkdir" in content
        assert in_a_child(lambda: outcome(path)) == (0, "refused" if hostile else "ok")
    assert not (tmp_path / "ran").exists()
