"""Malicious checkpoints, read by the checkpoint loader in a session that holds the submission's files."""

from __future__ import annotations

import io
import json
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from autograder.engine.session import SessionLost, StudentError
from tests.corpus.hostile.attack import Attack

FILE = "best.pt"
SECONDS = 12.0
MARK = "hostile-pickle-was-run"
COMMAND = f"import os; open({MARK!r}, 'w').close(); open('/tmp/{MARK}', 'w').close()"
NOTHING_RUN = "A checkpoint runs code, or takes more memory or time than a checkpoint may."


class Executes:
    """Unpickling it runs a command."""

    def __reduce__(self) -> tuple:
        return exec, (COMMAND,)


def saved(content: object, **options: object) -> bytes:
    """What ``torch.save`` writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def zipped_pickle(data: bytes) -> bytes:
    """A checkpoint in zip format with a pickle of one's own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
    return buffer.getvalue()


def zip_bomb() -> bytes:
    """A checkpoint whose record of 300 MB was deflated."""
    source = zipfile.ZipFile(io.BytesIO(saved({"w": torch.zeros(1)})))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            if name.endswith("data/0"):
                with archive.open(name, "w", force_zip64=True) as record:
                    for _ in range(300):
                        record.write(bytes(1 << 20))
            else:
                archive.writestr(name, source.read(name))
    return buffer.getvalue()


def safetensors(index: dict, data: bytes = bytes(64), length: int | None = None) -> bytes:
    """A safetensors file with an index of one's own."""
    text = json.dumps(index).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(start: int, stop: int, shape: tuple[int, ...] = (8,), dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}


def laughs() -> bytes:
    """A pickle of a few hundred bytes that means a list of 2**40 entries, by reference."""
    nested: list = ["ha"]
    for _ in range(40):
        nested = [nested, nested]
    return zipped_pickle(pickle.dumps({"state_dict": nested}, protocol=2))


def deep() -> bytes:
    """100,000 dictionaries, one in the other."""
    return zipped_pickle(b"\x80\x02" + b"}X\x01\x00\x00\x00a" * 100_000 + b"}" + b"s" * 100_000 + b".")


def huge_pickle_length() -> bytes:
    """A pickle that announces a string of 16 EB."""
    return zipped_pickle(b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x.")


def with_checkpoint(folder: Path, content: Callable[[], bytes]) -> Path:
    """A submission of a checkpoint alone, beside an empty notebook."""
    from tests.corpus.small import hand_in

    return hand_in(folder / "submission", ("pass",), {FILE: content()})


def sparse_file(folder: Path) -> Path:
    """A submission with a checkpoint of 2 GB that has no blocks on disk."""
    path = with_checkpoint(folder, lambda: saved({"w": torch.zeros(2)}))
    with (path / FILE).open("r+b") as file:
        file.truncate(2 << 30)
    return path


def loads_harmlessly(grader: object, report: object, folder: Path) -> list[str]:
    """Load the checkpoint as the grader would: an answer of plain tensors or a refusal, soon, and nothing is run."""
    damages: list[str] = []
    started = time.monotonic()
    with grader.sandbox.session(folder / "submission") as session:
        try:
            tensors = session.load_checkpoint(FILE, SECONDS)
            if any(type(tensor) is not torch.Tensor for tensor in tensors.values()):
                damages.append("the loader gave something else than plain tensors")
            if sum(tensor.numel() for tensor in tensors.values()) > 1 << 26:
                damages.append("the loader gave more than 256 MB")
        except (StudentError, SessionLost):
            pass
        marks = [path for path in (session.scratch / "work" / MARK, Path("/tmp") / MARK) if path.exists()]
        damages += [f"{path} was written: the checkpoint ran code" for path in marks]
    if time.monotonic() - started > SECONDS + 4:
        damages.append(f"loading took {time.monotonic() - started:.0f} seconds")
    return damages


def was_left_out(grader: object, report: object, folder: Path) -> list[str]:
    """The file was not copied, and the student is told."""
    return [] if any(FILE in remark for remark in report.remarks) else [f"no remark says that {FILE} was left out"]


def checkpoint(id: str, tries: str, content: Callable[[], bytes], must_not: str = NOTHING_RUN) -> Attack:
    """A case whose submission is a checkpoint."""
    build = partial(with_checkpoint, content=content)
    return Attack(id, tries, must_not, build=build, check=loads_harmlessly, kit_only=True)


ATTACKS = (
    checkpoint("pickle-runs-code", "A bare pickle that runs a command.", lambda: pickle.dumps({"w": Executes()})),
    checkpoint(
        "torch-save-runs-code",
        "A file of torch.save, in its new and old format, with an object that runs a command.",
        lambda: saved({"w": torch.zeros(1), "x": Executes()}, _use_new_zipfile_serialization=False),
    ),
    checkpoint(
        "zipped-pickle-runs-code",
        "A zip checkpoint with a hand-written pickle that looks up os.system by STACK_GLOBAL.",
        lambda: zipped_pickle(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."),
    ),
    checkpoint("laughs", "A pickle of 40 doublings, a list of 2**40 entries by reference.", laughs),
    checkpoint("deep-pickle", "A pickle of 100,000 dictionaries, one in the other.", deep),
    checkpoint("long-string", "A pickle that announces a string of 16 EB.", huge_pickle_length),
    checkpoint("compressed-record", "A zip checkpoint whose record of 300 MB was deflated to 300 kB.", zip_bomb),
    Attack(
        "sparse-file",
        "A checkpoint of 2 GB without a block on disk.",
        "It is copied, or read into memory.",
        build=sparse_file,
        check=was_left_out,
        kit_only=True,
    ),
    checkpoint(
        "huge-stride-0",
        "A tensor of one number that is saved as 4 TB by a stride of 0.",
        lambda: saved({"w": torch.zeros(1).expand(1 << 20, 1 << 20)}),
    ),
    checkpoint(
        "many-aliases",
        "2,000 names for one tensor of 20 MB: copies of all would take 40 GB.",
        lambda: saved(dict.fromkeys(map(str, range(2000)), torch.zeros(5_000_000))),
    ),
    checkpoint(
        "overlapping-offsets",
        "A safetensors file whose tensors lie over each other.",
        lambda: safetensors({"a": entry(0, 32), "b": entry(16, 48), "c": entry(32, 64)}),
        "Memory of another tensor, or none, is given out.",
    ),
    checkpoint(
        "negative-offsets",
        "A safetensors file with a tensor before its start.",
        lambda: safetensors({"a": entry(-32, 0), "b": entry(0, 64, (16,))}),
        "Memory before the file is read.",
    ),
    checkpoint(
        "offsets-beyond",
        "A safetensors file whose tensor ends a terabyte behind the file, with a shape that overflows.",
        lambda: safetensors({"a": entry(0, 1 << 40, (1 << 38,)), "b": entry(0, 0, (1 << 62, 4, 0))}),
        "Memory behind the file is read or reserved.",
    ),
    checkpoint(
        "index-length",
        "A safetensors file whose index claims 9 exabytes.",
        lambda: safetensors({"a": entry(0, 64, (16,))}, length=(1 << 63) - 1),
    ),
)
