"""Several data sets by one call, from their own hosts, a mirror or what is there."""

import gzip
import hashlib
import threading
from dataclasses import replace

import numpy as np
import pytest

from data_scripts import DATASETS, DataError, Prepared, prepare_all

COUNTS = {"train": 30, "test": 20}
FILES = tuple(f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


def idx_files(seed):
    """File name -> content of the four files of a small MNIST."""
    files = {}
    for prefix, count in (("train", 30), ("t10k", 20)):
        pixels = np.random.RandomState(seed).bytes(count * 784)
        size, side = count.to_bytes(4, "big"), (28).to_bytes(4, "big")
        images = b"\0\0\x08\3" + size + side + side + pixels
        labels = b"\0\0\x08\1" + size + bytes((k + seed) % 10 for k in range(count))
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(images, mtime=0)
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(labels, mtime=0)
    return files


@pytest.fixture
def entries(web, write_folder):
    """MNIST and Fashion-MNIST with 30 + 20 images, each at its own host (a folder of the server)."""
    made = []
    for seed, name in enumerate(("mnist", "fashion_mnist")):
        files = idx_files(seed)
        write_folder(web.folder / f"host-of-{name}", files)
        attributes = {
            "mirrors": [f"{web.address}/host-of-{name}/"],
            "resources": [(file, hashlib.md5(content).hexdigest()) for file, content in files.items()],
        }
        official = type("Official", (DATASETS[name].official(),), attributes)
        made.append(replace(DATASETS[name], counts=COUNTS, official=lambda official=official: official))
    return made


def all_prepared(results):
    for data in results:
        assert isinstance(data, Prepared), data
        data.verify()
    return [data.folder.name for data in results]


@pytest.fixture
def out(tmp_path):
    """A folder that holds nothing, least of all the server's files."""
    return tmp_path / "out"


def test_the_files_of_all_are_downloaded_together(entries, web, out, monkeypatch):
    """The server sends none before all eight are asked for."""
    monkeypatch.setattr("data_scripts.download.AT_ONCE", 8)
    web.before = threading.Barrier(8, timeout=20).wait
    results = prepare_all(entries, out, progress=False)
    assert all_prepared(results) == ["mnist", "fashion_mnist"]
    assert not np.array_equal(results[0].images("train"), results[1].images("train"))


def test_what_one_fails_with_stops_no_other(entries, web, out):
    (web.folder / "host-of-mnist/t10k-images-idx3-ubyte.gz").unlink()
    failed, data = prepare_all(entries, out, progress=False)
    assert isinstance(failed, DataError) and all_prepared([data]) == ["fashion_mnist"]
    assert "t10k-images-idx3-ubyte.gz: the download failed (HTTP Error 404" in str(failed)
    assert f"put it into {out}/MNIST/raw" in str(failed) and "labels" not in str(failed)
    before = len(web.requests)
    prepare_all(entries, out, progress=False)
    assert web.requests[before:] == [("host-of-mnist/t10k-images-idx3-ubyte.gz", 0)], "the others are there"


def test_a_mirror_is_asked_instead_of_the_hosts(entries, web, write_folder, out):
    """Files of the same names lie in a folder of each data set; those of a single data set may lie at once."""
    write_folder(web.folder / "mirror/mnist", idx_files(0))
    write_folder(web.folder / "mirror/fashion_mnist", idx_files(1))
    results = prepare_all(entries, out / "folders", progress=False, mirror=f"{web.address}/mirror/")
    assert all_prepared(results) == ["mnist", "fashion_mnist"]
    assert {path.split("/")[0] for path, _ in web.requests} == {"mirror"} and len(web.requests) == 8
    write_folder(web.folder / "flat", idx_files(1))
    results = prepare_all(entries[1:], out / "flat", progress=False, mirror=f"{web.address}/flat")
    assert all_prepared(results) == ["fashion_mnist"]


def test_a_mirror_is_not_believed(entries, web, write_folder, out):
    write_folder(web.folder / "mirror", idx_files(7))
    (failed,) = prepare_all(entries[:1], out, progress=False, mirror=f"{web.address}/mirror")
    assert isinstance(failed, DataError) and "damaged or not the official file" in str(failed)
    assert not list(out.glob("**/*.gz*")) and not (out / "mnist").exists()
    assert not [path for path, _ in web.requests if path.startswith("host")], "nor are the hosts asked then"


def test_offline_what_was_downloaded_before_is_enough(entries, web, write_folder, out):
    write_folder(out / "MNIST/raw", idx_files(0))
    data, failed = prepare_all(entries, out, progress=False, offline=True)
    assert all_prepared([data]) == ["mnist"] and web.requests == []
    assert isinstance(failed, DataError) and f"put them into {out}/FashionMNIST/raw" in str(failed)
    assert all(f"{web.address}/host-of-fashion_mnist/{name}" in str(failed) for name in FILES)
    assert "nothing is downloaded offline" in str(failed) and "--source" in str(failed)


def test_what_is_prepared_needs_neither_network_nor_archives(entries, web, out):
    first = prepare_all(entries, out, progress=False)
    before = len(web.requests)
    for name in ("MNIST", "FashionMNIST"):
        for file in FILES:
            (out / name / "raw" / file).unlink()
    for options in ({}, {"offline": True}, {"mirror": "http://127.0.0.1:1"}):
        assert prepare_all(entries, out, progress=False, **options) == first
    assert len(web.requests) == before


def test_room_for_the_prepared_images_is_asked_for_before_the_download(entries, web, out):
    large = replace(entries[0], counts={"train": 10**12, "test": 10})
    (failed,) = prepare_all([large], out, progress=False)
    assert isinstance(failed, DataError) and "785 TB more are needed here" in str(failed)
    assert not list(out.glob("**/*.gz*"))
