import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from data_scripts import DataError, prepare
from data_scripts.sources.cifar_batches import FOLDER, load_batch


@pytest.mark.parametrize("given", [FOLDER, "."])
def test_rows_are_the_batches_in_their_own_order(official_of, batch_files, pixels, write_folder, tmp_path, given):
    write_folder(tmp_path / FOLDER, batch_files)
    data = prepare(tmp_path / given, tmp_path / "out", progress=False, dataset=official_of(batch_files))
    assert data.manifest["source"] == "CIFAR-10, official archive"
    assert data.labels("train").tolist() == [k % 10 for k in range(50)]
    assert np.array_equal(data.images("train"), [pixels(k).transpose(2, 0, 1) for k in range(50)])
    assert np.array_equal(data.images("test"), [pixels(k).transpose(2, 0, 1) for k in range(1000, 1020)])


def test_torchvision_reads_the_same_from_the_same_files(official_of, batch_files, write_folder, tmp_path):
    write_folder(tmp_path / FOLDER, batch_files)
    entry = official_of(batch_files)
    data = prepare(tmp_path, tmp_path / "out", progress=False, dataset=entry)
    reference = entry.official()(tmp_path, train=True)
    assert np.array_equal(data.images("train"), reference.data.transpose(0, 3, 1, 2))
    assert data.labels("train").tolist() == reference.targets


def test_a_source_can_be_read_from_any_row(official_of, batch_files, write_folder, tmp_path):
    source = official_of(batch_files).open(write_folder(tmp_path / FOLDER, batch_files))
    rows = np.concatenate(list(source.chunks("train", 0)))
    for start in (0, 7, 10, 49):
        assert np.array_equal(np.concatenate(list(source.chunks("train", start))), rows[start:])


def test_a_missing_batch_is_named(official_of, batch_files, write_folder, tmp_path):
    write_folder(tmp_path / FOLDER, batch_files)
    (tmp_path / FOLDER / "data_batch_4").unlink()
    with pytest.raises(DataError, match="data_batch_4: missing"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=official_of(batch_files))


def test_a_damaged_batch_is_named(official_of, batch_files, write_folder, tmp_path):
    entry = official_of(batch_files)
    batch_files["data_batch_2"] = batch_files["data_batch_2"][:-1] + b"!"
    write_folder(tmp_path / FOLDER, batch_files)
    with pytest.raises(DataError, match="data_batch_2: damaged or not the official file"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=entry)
    assert not (tmp_path / "out/cifar10/train.npy").exists()


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_a_malicious_batch_is_not_executed_even_with_the_right_md5(official_of, batch_files, write_folder, tmp_path):
    trace = tmp_path / "trace"
    evil = pickle.dumps({"data": Touch(trace), "labels": [0]}, protocol=2)
    pickle.loads(evil)
    assert trace.exists(), "the pickle of this test must do harm where it is loaded plainly"
    trace.unlink()
    batch_files["data_batch_1"] = evil
    write_folder(tmp_path / FOLDER, batch_files)
    with pytest.raises(DataError, match="data_batch_1: not a CIFAR batch .*system"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=official_of(batch_files))
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps([1, 2], protocol=2),
        pickle.dumps({"labels": [0]}, protocol=2),
        pickle.dumps({"data": np.zeros((1, 3072), np.float32), "labels": [0]}, protocol=2),
        pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1, 2]}, protocol=2),
        pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [700]}, protocol=2),
        b"",
        b"no pickle",
    ],
)
def test_what_is_no_batch_is_refused_in_one_sentence(official_of, batch_files, write_folder, tmp_path, content):
    batch_files["data_batch_1"] = content
    write_folder(tmp_path / FOLDER, batch_files)
    with pytest.raises(DataError, match="data_batch_1: not a CIFAR batch"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=official_of(batch_files))


@pytest.mark.parametrize("order", ["C", "F"])
def test_batches_of_todays_numpy_are_read_too(order):
    rows = np.random.RandomState(0).randint(0, 256, (4, 3072)).astype(np.uint8, order=order)
    batch = load_batch(pickle.dumps({"data": rows, "labels": [3, 1, 2, 0]}, protocol=2))
    assert np.array_equal(batch["data"].pixels, rows) and batch["labels"] == [3, 1, 2, 0]


def archive_of(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("given", [".", "cifar-10-python.tar.gz", "renamed.tgz"])
def test_the_packed_archive_gives_the_same_as_its_folder(official_of, batch_files, write_folder, tmp_path, given):
    content = archive_of(batch_files)
    for name in ("cifar-10-python.tar.gz", "renamed.tgz"):
        (tmp_path / name).write_bytes(content)
    entry = official_of(batch_files, tgz_md5=hashlib.md5(content).hexdigest())
    data = prepare(tmp_path / given, tmp_path / "out", progress=False, dataset=entry)
    write_folder(tmp_path / "unpacked" / FOLDER, batch_files)
    assert prepare(tmp_path / "unpacked", tmp_path / "same", progress=False, dataset=entry).manifest == data.manifest


@pytest.mark.parametrize(
    "harm", [lambda tar: tar[:-1000], lambda tar: tar[:5000] + bytes([tar[5000] ^ 1]) + tar[5001:]]
)
def test_a_packed_archive_that_is_cut_or_altered_is_named_and_not_used(official_of, batch_files, tmp_path, harm):
    content = archive_of(batch_files)
    entry = official_of(batch_files, tgz_md5=hashlib.md5(content).hexdigest())
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(harm(content))
    found, expected = (hashlib.md5(tar).hexdigest() for tar in (harm(content), content))
    with pytest.raises(DataError, match=f"{path}: damaged .* MD5 {found} where {expected} is expected"):
        prepare(path, tmp_path / "out", progress=False, dataset=entry)
    assert not (tmp_path / "out").exists()


def test_an_unpacked_archive_that_lies_there_is_not_downloaded_unless_it_is_damaged(
    official_of, batch_files, web, write_folder, tmp_path
):
    content = archive_of(batch_files)
    (web.folder / "small.tar.gz").write_bytes(content)
    entry = official_of(batch_files, url=f"{web.address}/small.tar.gz", tgz_md5=hashlib.md5(content).hexdigest())
    write_folder(tmp_path / "root" / FOLDER, batch_files)
    data = prepare(None, tmp_path / "root", progress=False, dataset=entry)
    assert web.requests == [] and not list((tmp_path / "root").glob("*.tar.gz"))
    write_folder(tmp_path / "other" / FOLDER, batch_files | {"test_batch": b"damaged"})
    assert prepare(None, tmp_path / "other", progress=False, dataset=entry).manifest == data.manifest
    assert web.requests == [("small.tar.gz", 0)]


def test_without_a_source_the_archive_is_downloaded_verified_and_kept(official_of, batch_files, server, tmp_path):
    folder, address = server
    content = archive_of(batch_files)
    (folder / "small.tar.gz").write_bytes(content)
    entry = official_of(batch_files, url=f"{address}/small.tar.gz", tgz_md5=hashlib.md5(content).hexdigest())
    data = prepare(None, tmp_path / "out", progress=False, dataset=entry)
    data.verify()
    assert data.source == "CIFAR-10, official archive" and data.counts == {"train": 50, "test": 20}
    (folder / "small.tar.gz").unlink()
    assert prepare(None, tmp_path / "out", progress=False, dataset=entry) == data, "the second run needs no network"


def test_a_cut_download_is_refused_and_the_next_run_repairs_it(official_of, batch_files, server, tmp_path):
    folder, address = server
    content = archive_of(batch_files)
    (folder / "small.tar.gz").write_bytes(content[: len(content) // 2])
    entry = official_of(batch_files, url=f"{address}/small.tar.gz", tgz_md5=hashlib.md5(content).hexdigest())
    with pytest.raises(DataError, match="small.tar.gz: the download failed"):
        prepare(None, tmp_path / "out", progress=False, dataset=entry)
    (folder / "small.tar.gz").write_bytes(content)
    prepare(None, tmp_path / "out", progress=False, dataset=entry).verify()


def test_no_network_is_told_with_what_to_do(official_of, batch_files, server, tmp_path):
    entry = official_of(batch_files, url=f"{server[1]}/absent.tar.gz", tgz_md5="0" * 32)
    with pytest.raises(DataError, match="the download failed .*404.*--source"):
        prepare(None, tmp_path / "out", progress=False, dataset=entry)
