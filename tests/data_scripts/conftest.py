"""A web server, and small copies of CIFAR-10 in every layout with catalogue entries that expect their sizes."""

from __future__ import annotations

import hashlib
import http.server
import io
import pickle
import threading
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_scripts.catalogue import CIFAR10
from data_scripts.dataset import Dataset

COUNTS = {"train": 50, "test": 20}


@pytest.fixture(scope="session")
def kit_root() -> Path:
    """Where ``python -m data_scripts`` runs."""
    return Path(__file__).parents[2]


@pytest.fixture
def small() -> Dataset:
    """CIFAR-10 with 50 + 20 images."""
    return replace(CIFAR10, counts=COUNTS)


@pytest.fixture
def pixels() -> Callable[[int], np.ndarray]:
    """k -> image k, (32, 32, 3) uint8 noise."""
    return lambda k: np.random.RandomState(k).randint(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture
def image_files(pixels: Callable[[int], np.ndarray]) -> dict[str, bytes]:
    """Path -> PNG of a small ImageFolder; image k of a split belongs to class k % 10."""
    files = {}
    for first, (split, count) in zip((0, 1000), COUNTS.items(), strict=True):
        for k in range(count):
            buffer = io.BytesIO()
            Image.fromarray(pixels(first + k)).save(buffer, "PNG")
            files[f"{split}/{CIFAR10.classes[k % 10]}/{k // 10:04d}.png"] = buffer.getvalue()
    return files


@pytest.fixture
def write_folder() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files below a folder."""

    def write(folder: Path, files: dict[str, bytes]) -> Path:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return write


@pytest.fixture
def write_zip() -> Callable[[Path, dict[str, bytes]], Path]:
    """Write files into a zip."""

    def write(path: Path, files: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


class Web(http.server.ThreadingHTTPServer):
    """A web server of this machine: serves ``folder`` at ``address``, as well or as badly as a test asks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.ranges = True  # whether it can send the rest of a file
        self.lengths = True  # whether it tells how long what it sends is
        self.kind = ""  # the type of content that it tells
        self.boast = 0  # bytes that it announces beyond those that it has
        self.drops: list[int] = []  # for each request, in turn: after how many bytes the connection is dropped
        self.errors: list[int] = []  # for each request, in turn: the status that is sent instead of the file
        self.before: Callable[[], object] = lambda: None  # called before the body of a file
        self.half: Callable[[], object] = lambda: None  # called after half of it
        self.requests: list[tuple[str, int]] = []  # path, first byte
        self.served = 0  # bytes of all bodies

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is no error of the server."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        web, file = self.server, self.server.folder / self.path[1:]
        wanted = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        web.requests.append((self.path[1:], wanted))
        if not file.is_file() or web.errors:
            return self.send_error(web.errors.pop(0) if web.errors else 404)
        start = wanted if web.ranges else 0
        content = file.read_bytes()
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if web.kind:
            self.send_header("Content-Type", web.kind)
        if web.lengths:
            self.send_header("Content-Length", str(len(content) - start + web.boast))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        web.before()
        end = start + web.drops.pop(0) if web.drops else len(content)
        middle = (start + end) // 2
        self._send(content[start:middle])
        web.half()
        self._send(content[middle:end])

    def _send(self, content: bytes) -> None:
        self.wfile.write(content)
        self.server.served += len(content)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """A running server of the folder ``served``."""
    (tmp_path / "served").mkdir()
    with Web(tmp_path / "served") as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def server(web: Web) -> tuple[Path, str]:
    """(folder, address) of the running server."""
    return web.folder, web.address


class Python2Pickler(pickle._Pickler):
    """Pickles as the official archive was pickled, by Python 2: strings as byte strings, old numpy's module names."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_str(self, text: str) -> None:
        self._save_byte_string(text.encode("latin1"))

    def _save_byte_string(self, content: bytes) -> None:
        self.write(pickle.BINSTRING + len(content).to_bytes(4, "little") + content)

    def save_array(self, array: np.ndarray) -> None:
        self._reduce("numpy.core.multiarray _reconstruct", "numpy ndarray", (0,), "b")
        self.write(pickle.MARK)
        self.save(1)
        self.save(array.shape)
        self._reduce("numpy dtype", "u1", 0, 1)
        self.save((3, "|", None, None, None, -1, -1, 0))
        self.write(pickle.BUILD)
        self.save(False)
        self._save_byte_string(array.tobytes())
        self.write(pickle.TUPLE + pickle.BUILD)

    def _reduce(self, function: str, *arguments: object) -> None:
        self._global(function)
        self.write(pickle.MARK)
        for argument in arguments:
            if isinstance(argument, str) and argument.startswith("numpy "):
                self._global(argument)
            else:
                self.save(argument)
        self.write(pickle.TUPLE + pickle.REDUCE)

    def _global(self, name: str) -> None:
        self.write(pickle.GLOBAL + name.replace(" ", "\n").encode() + b"\n")

    dispatch[str] = save_str
    dispatch[np.ndarray] = save_array


def python2_pickle(batch: object) -> bytes:
    buffer = io.BytesIO()
    pickler = Python2Pickler(buffer, protocol=2)
    pickler.fast = True  # no memo: a byte string would otherwise be looked up as if it had one
    pickler.dump(batch)
    return buffer.getvalue()


@pytest.fixture
def batch_files(pixels: Callable[[int], np.ndarray]) -> dict[str, bytes]:
    """File name -> content of a small ``cifar-10-batches-py``: five batches of ten images and one of twenty."""

    def batch(images: Iterable[int]) -> bytes:
        images = list(images)
        rows = np.stack([pixels(k).transpose(2, 0, 1).ravel() for k in images])
        return python2_pickle({"batch_label": "a batch", "labels": [k % 10 for k in images], "data": rows})

    files = {f"data_batch_{b + 1}": batch(range(10 * b, 10 * b + 10)) for b in range(5)}
    files["test_batch"] = batch(range(1000, 1020))
    files["batches.meta"] = python2_pickle({"label_names": list(CIFAR10.classes)})
    return files


@pytest.fixture
def official_of(small: Dataset) -> Callable[..., Dataset]:
    """Batch files -> the catalogue entry whose torchvision class knows the MD5s of just these."""

    def entry(files: dict[str, bytes], **attributes: Any) -> Dataset:
        from torchvision.datasets import CIFAR10 as Torchvision

        md5 = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
        train = [[name, md5[name]] for name in files if name.startswith("data_batch")]
        meta = Torchvision.meta | {"md5": md5.get("batches.meta")}
        lists = {"train_list": train, "test_list": [["test_batch", md5["test_batch"]]], "meta": meta}
        official = type("SmallCIFAR10", (Torchvision,), lists | attributes)
        return replace(small, official=lambda: official)

    return entry
