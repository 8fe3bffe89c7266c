import hashlib
import json
import shutil

import numpy as np
import pytest

from data_scripts import DataError, Prepared, locate, prepare, prepare_generated
from data_scripts.subsets import balanced_rows


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_generated(tmp_path_factory.mktemp("made"), 1000, 20, progress=False)


@pytest.fixture
def data(made, tmp_path):
    """A copy that a test may alter."""
    return Prepared.open(shutil.copytree(made.folder, tmp_path / "cifar10"))


def written(path):
    """Changes whenever the file is written."""
    return path.stat().st_ino, path.stat().st_mtime_ns


@pytest.mark.parametrize(
    ("labels", "classes", "percent", "rows"),
    [
        ([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], 2, 20, [0, 1]),  # 20 % of 10 are one of each class
        ([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 2, 40, [0, 1, 6, 7]),  # the first of each class, ascending
        ([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], 2, 40, [0, 1, 8, 9]),  # equally many where the whole is not balanced
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 2, 40, [0, 9]),  # no more than the smallest class has
        ([0, 1, 2, 2, 1, 0], 3, 1, [0, 1, 2]),  # but one at least
        ([0, 1, 0, 1, 0], 3, 40, []),  # no image of class 2: nothing would be balanced
    ],
)
def test_the_first_rows_of_each_class_equally_many(labels, classes, percent, rows):
    found = balanced_rows(np.array(labels), classes, percent)
    assert found.tolist() == rows and found.dtype == np.int64


@pytest.mark.parametrize(
    ("sizes", "one", "ten"),
    [
        ([5000] * 10, 50, 500),  # CIFAR-10
        ([500] * 10, 5, 50),  # STL-10
        ([4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659], 73, 733),  # SVHN: 73.257, 732.57
    ],
)
def test_how_many_they_are_of_the_data_sets(sizes, one, ten):
    labels = np.random.RandomState(0).permutation(np.repeat(np.arange(10), sizes))
    small, large = (balanced_rows(labels, 10, percent) for percent in (1, 10))
    assert np.bincount(labels[small]).tolist() == [one] * 10 and np.bincount(labels[large]).tolist() == [ten] * 10
    assert set(small) < set(large) and (np.diff(large) > 0).all()


def test_the_index_files_are_read_by_numpy_and_named_in_the_manifest(data):
    for percent, each in ((1, 1), (10, 10)):
        path = data.folder / f"train-{percent}percent.npy"
        rows = np.load(path, allow_pickle=False)
        assert rows.dtype == np.int64 and np.array_equal(rows, data.subset("train", percent))
        assert np.bincount(np.load(data.folder / "train.npy")[rows, 0]).tolist() == [each] * 10
        entry = data.manifest["splits"]["train"]["subsets"][str(percent)]
        assert entry == {
            "file": path.name,
            "images": 10 * each,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    assert json.loads((data.folder / "manifest.json").read_text()) == data.manifest


def test_the_same_images_give_the_same_files(data, tmp_path):
    again = prepare_generated(tmp_path / "again", 1000, 20, progress=False)
    assert again.manifest == data.manifest
    assert data.labels("train")[:20].tolist() == [7, 7, 0, 3, 2, 5, 1, 1, 8, 2, 7, 6, 8, 1, 2, 8, 9, 8, 9, 4]
    assert data.subset("train", 1).tolist() == [0, 2, 3, 4, 5, 6, 8, 11, 16, 19]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"altered")])
def test_an_index_file_that_is_damaged_is_named_and_made_again_alone(data, tmp_path, damage):
    train = written(data.folder / "train.npy")
    damage(data.folder / "train-10percent.npy")
    with pytest.raises(DataError, match="train-10percent.npy: altered or missing since it was prepared"):
        data.verify()
    with pytest.raises(DataError, match="train-10percent.npy: cannot be read"):
        data.subset("train", 10)
    assert prepare_generated(tmp_path, 1000, 20, progress=False) == data
    data.verify()
    assert written(data.folder / "train.npy") == train


def test_what_an_earlier_version_prepared_gets_them_without_its_source(
    image_files, write_folder, small, tmp_path, capfd
):
    images = write_folder(tmp_path / "images", image_files)
    data = prepare(images, tmp_path, progress=False, dataset=small)
    shutil.rmtree(images)
    old = json.loads((data.folder / "manifest.json").read_text())
    del old["splits"]["train"]["subsets"]
    (data.folder / "manifest.json").write_text(json.dumps(old, indent=2) + "\n")
    for path in data.folder.glob("*percent.npy"):
        path.unlink()
    before = {path: written(path) for path in data.folder.glob("*.npy")}
    assert len(before) == 2
    earlier = locate([tmp_path])
    earlier.verify()
    with pytest.raises(DataError, match=rf"no stored subset of 1 % of train; .* data_scripts cifar10 --out {tmp_path}"):
        earlier.subset("train", 1)
    assert prepare(None, tmp_path, dataset=small) == data
    assert "already prepared, making its label subsets" in capfd.readouterr().err
    data.verify()
    assert {path: written(path) for path in before} == before
    assert Prepared.open(data.folder).subset("train", 1).tolist() == data.subset("train", 1).tolist()


@pytest.mark.parametrize(("split", "percent"), [("test", 1), ("train", 5)])
def test_others_than_those_of_the_manifest_are_refused(data, split, percent):
    with pytest.raises(DataError, match=f"no stored subset of {percent} % of {split}"):
        data.subset(split, percent)


@pytest.mark.parametrize(
    "rows",
    [
        np.arange(9),
        np.arange(10.0),
        np.arange(10)[:, None],
        np.arange(10) + 991,
        np.arange(10) - 1,
        np.array([{}] * 10, object),
    ],
)
def test_an_index_file_of_another_kind_is_named_not_used(data, rows):
    np.save(data.folder / "train-1percent.npy", rows, allow_pickle=True)
    with pytest.raises(DataError, match="train-1percent.npy: (not the index file|cannot be read)"):
        data.subset("train", 1)


def test_where_a_class_has_no_image_there_is_no_subset(tmp_path):
    data = prepare_generated(tmp_path, 5, 5, progress=False)
    assert data.manifest["splits"]["train"]["subsets"] == {} and not list(data.folder.glob("*percent*"))
    data.verify()
    assert prepare_generated(tmp_path, 5, 5, progress=False) == data


def test_an_index_file_lies_in_the_folder_of_its_manifest(data):
    manifest = data.manifest
    manifest["splits"]["train"]["subsets"]["1"]["file"] = "../secret.npy"
    (data.folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="manifest.json: not the manifest"):
        Prepared.open(data.folder)
