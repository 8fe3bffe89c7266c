import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from data_scripts import DATASETS, DataError, prepare

scipy_io = pytest.importorskip("scipy.io")

COUNTS = {"train": 50, "test": 20}
SVHN = replace(DATASETS["svhn"], counts=COUNTS)


def content(split):
    """What the official file holds: images (32, 32, 3, n), labels (n, 1) of 1..10."""
    n = COUNTS[split]
    pixels = np.random.RandomState(n).randint(0, 256, (32, 32, 3, n)).astype(np.uint8)
    return {"X": pixels, "y": (np.arange(n, dtype=np.uint8) % 10 + 1)[:, None]}


def write(folder):
    """Both files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in COUNTS:
        scipy_io.savemat(folder / f"{split}_32x32.mat", content(split), do_compression=True)
    return folder


def official_of(folder, address="http://unused"):
    """SVHN's entry whose torchvision class knows the MD5s of the files in ``folder``, served at ``address``."""
    lists = {}
    for split in COUNTS:
        name = f"{split}_32x32.mat"
        lists[split] = [f"{address}/{name}", name, hashlib.md5((folder / name).read_bytes()).hexdigest()]
    return replace(SVHN, official=lambda: type("SVHN", (DATASETS["svhn"].official(),), {"split_list": lists}))


@pytest.mark.parametrize("given", [".", "train_32x32.mat"])
def test_rows_have_their_pixels_and_labels_in_the_order_of_their_hashes(tmp_path, given):
    data = prepare(tmp_path / given, tmp_path / "out", progress=False, dataset=official_of(write(tmp_path)))
    for split, count in COUNTS.items():
        order = sorted(range(count), key=lambda k: hashlib.sha256(f"{split}/{k}".encode()).hexdigest())
        assert data.labels(split).tolist() == [(k + 1) % 10 for k in order], "label 10 is the digit 0"
        for image, k in zip(data.images(split), order, strict=True):
            assert np.array_equal(image, content(split)["X"][:, :, :, k].transpose(2, 0, 1))
    assert data.source == "SVHN, official cropped digits" and data.manifest["image_shape"] == [3, 32, 32]


def test_torchvision_reads_the_same_from_the_same_files(tmp_path):
    entry = official_of(write(tmp_path))
    data = prepare(tmp_path, tmp_path / "out", progress=False, dataset=entry)
    reference = entry.official()(tmp_path, split="train")
    pairs = sorted((image.tobytes(), int(label)) for image, label in zip(reference.data, reference.labels))
    assert sorted((i.tobytes(), int(k)) for i, k in zip(data.images("train"), data.labels("train"))) == pairs


def test_a_source_can_be_read_from_any_row(tmp_path):
    source = official_of(write(tmp_path)).open(tmp_path)
    rows = np.concatenate(list(source.chunks("train", 0)))
    for start in (0, 1, 49):
        assert np.array_equal(np.concatenate(list(source.chunks("train", start))), rows[start:])


def test_a_missing_file_is_named(tmp_path):
    (write(tmp_path) / "test_32x32.mat").unlink()
    with pytest.raises(DataError, match="test_32x32.mat: missing; get both files"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=SVHN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda mat: b"",
        lambda mat: b"<html>not found</html>",
        lambda mat: mat[:130],
        lambda mat: mat[:-10],
        lambda mat: mat[:2000] + bytes(100) + mat[2100:],
    ],
    ids=["empty", "html", "header", "without its end", "hole"],
)
def test_a_damaged_file_is_named_before_scipy_reads_it(tmp_path, damage):
    entry = official_of(write(tmp_path))
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match="train_32x32.mat: damaged or not the official file .*; download it again"):
        prepare(tmp_path, tmp_path / "out", progress=False, dataset=entry)
    assert not list((tmp_path / "out/svhn").glob("*.npy"))


def test_without_a_source_the_files_are_downloaded_verified_and_kept(server, tmp_path):
    folder, address = server
    entry = official_of(write(folder), address)
    data = prepare(None, tmp_path / "out", progress=False, dataset=entry)
    data.verify()
    for split in COUNTS:
        (folder / f"{split}_32x32.mat").unlink()
    assert prepare(None, tmp_path / "out", progress=False, dataset=entry) == data, "the second run needs no network"
    assert prepare(tmp_path / "out", tmp_path / "again", progress=False, dataset=entry).manifest == data.manifest


def test_a_cut_download_is_refused_and_the_next_run_repairs_it(server, tmp_path):
    folder, address = server
    entry = official_of(write(folder), address)
    whole = (folder / "test_32x32.mat").read_bytes()
    (folder / "test_32x32.mat").write_bytes(whole[:1000])
    with pytest.raises(DataError, match="test_32x32.mat: the download failed .*--source"):
        prepare(None, tmp_path / "out", progress=False, dataset=entry)
    (folder / "test_32x32.mat").write_bytes(whole)
    prepare(None, tmp_path / "out", progress=False, dataset=entry).verify()


def test_without_scipy_it_is_asked_for(kit_root, tmp_path):
    """In a process in which scipy cannot be imported."""
    code = (
        "import sys; sys.modules['scipy'] = None; from data_scripts.command import main; sys.exit(main(sys.argv[1:]))"
    )
    for source in (["--source", str(write(tmp_path))], []):
        command = [sys.executable, "-c", code, "svhn", *source, "--out", str(tmp_path / "out")]
        result = subprocess.run(command, cwd=kit_root, capture_output=True, text=True)
        assert result.returncode == 2 and result.stderr.count("\n") == 1
        assert result.stderr.startswith("error: scipy, which reads") and "pip install scipy" in result.stderr
