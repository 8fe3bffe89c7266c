import json

import numpy as np
import pytest

from data_scripts import DataError, Prepared, locate, prepare_generated


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return prepare_generated(tmp_path_factory.mktemp("made"), 40, 20, progress=False)


@pytest.fixture
def data(made, tmp_path):
    """A copy that a test may alter."""
    folder = tmp_path / "cifar10"
    folder.mkdir()
    for file in made.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return Prepared.open(folder)


def test_images_and_labels_are_the_columns_of_the_rows(data):
    rows = np.load(data.folder / "train.npy")
    images, labels = data.images("train"), data.labels("train")
    assert images.shape == (40, 3, 32, 32) and images.dtype == np.uint8
    assert images[7, 2, 5, 9] == rows[7, 1 + 2 * 1024 + 5 * 32 + 9]
    assert labels.dtype == np.int64 and np.array_equal(labels, rows[:, 0])


def test_images_are_a_read_only_view_of_the_file(data):
    images = data.images("train")
    assert isinstance(images, np.memmap) and images.base is not None
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_locate_takes_the_first_folder_that_holds_the_data_set(data, made, tmp_path):
    assert locate([tmp_path / "absent", made.folder.parent, tmp_path]).folder == made.folder
    assert locate([str(tmp_path)]) == data
    assert locate([tmp_path / "absent"]) is None and locate([]) is None


def test_verify_accepts_what_was_prepared_and_names_an_altered_file(data):
    data.verify()
    path = data.folder / "test.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="test.npy: altered or missing"):
        data.verify()


def test_verify_names_a_missing_file(data):
    (data.folder / "train.npy").unlink()
    with pytest.raises(DataError, match="train.npy: altered or missing"):
        data.verify()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array",
        (np.zeros((40, 3072), np.uint8)),
        (np.zeros((40, 3073), np.float32)),
        (np.array([{"an": "object"}], dtype=object)),
    ],
)
def test_a_file_of_another_kind_is_named_not_read(data, content):
    path = data.folder / "train.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DataError, match="train.npy: "):
        data.images("train")


def change(manifest, *keys, value):
    inner = manifest
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return json.dumps(manifest)


@pytest.mark.parametrize(
    "harm",
    [
        lambda manifest: "",
        lambda manifest: "[]",
        lambda manifest: "{}",
        lambda manifest: change(manifest, "splits", "train", "file", value="../secret.npy"),
        lambda manifest: change(manifest, "image_shape", value=[32, 32]),
        lambda manifest: change(manifest, "splits", value=7),
    ],
)
def test_a_damaged_manifest_is_named(data, harm):
    path = data.folder / "manifest.json"
    path.write_text(harm(json.loads(path.read_text())))
    with pytest.raises(DataError, match="manifest.json: not the manifest"):
        Prepared.open(data.folder)
