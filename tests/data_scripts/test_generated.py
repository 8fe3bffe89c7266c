import hashlib

import numpy as np
import pytest

from data_scripts import DATASETS, DataError, prepare, prepare_generated
from data_scripts.sources.generated import BLOCK, CLASSES, Generated, draw_block

GREY = (1, 28, 28)


def rows(split, count, start=0, image_shape=(3, 32, 32)):
    return np.concatenate(list(Generated({split: count}, image_shape).chunks(split, start)))


def accuracy_of_ridge_regression(train, test):
    """Of a linear classifier of the pixels."""
    pixels, scene = train[:, 1:] / 255 - 0.5, test[:, 1:] / 255 - 0.5
    kernel = pixels @ pixels.T
    weights = pixels.T @ np.linalg.solve(kernel + 100 * np.eye(len(kernel)), np.eye(10)[train[:, 0]] - 0.1)
    return np.mean((scene @ weights).argmax(1) == test[:, 0])


@pytest.mark.parametrize("shape", [(3, 32, 32), GREY])
def test_the_same_images_come_every_time_and_differ_by_split_and_block(shape):
    assert np.array_equal(draw_block("train", 1, shape), draw_block("train", 1, shape))
    assert not np.array_equal(draw_block("train", 1, shape), draw_block("train", 2, shape))
    assert not np.array_equal(draw_block("train", 1, shape), draw_block("test", 1, shape))


def test_the_images_in_colour_are_those_of_version_1():
    """Accuracies and time budgets measured with them stay comparable."""
    digest = hashlib.sha256(draw_block("train", 0).tobytes() + draw_block("test", 3).tobytes())
    assert digest.hexdigest() == "bf782175bc26e8fbc7d4bf73c9a56896a94ab337a410a1fc9de66b1e212f543d"


def test_fewer_images_are_the_first_of_more():
    assert np.array_equal(rows("train", BLOCK + 30), rows("train", 2 * BLOCK)[: BLOCK + 30])


def test_a_source_can_be_read_from_any_row():
    whole = rows("test", BLOCK + 30)
    for start in (1, BLOCK - 1, BLOCK, BLOCK + 29):
        assert np.array_equal(rows("test", BLOCK + 30, start), whole[start:])


def test_classes_are_balanced_in_every_block():
    assert np.bincount(draw_block("train", 0)[:, 0]).tolist() == [BLOCK // 10] * 10


def test_the_manifest_says_generated(tmp_path):
    data = prepare_generated(tmp_path, 30, 10, progress=False)
    assert data.manifest["generated"] is True and data.manifest["classes"] == list(CLASSES)
    assert data.images("train").shape == (30, 3, 32, 32) and len(data.labels("test")) == 10


def test_a_linear_classifier_learns_something_but_not_everything():
    """Far above the 10 % of guessing, far below a network's accuracy."""
    assert 0.3 < accuracy_of_ridge_regression(rows("train", 1000), rows("test", 500)) < 0.8


def test_images_in_grey_are_bright_shapes_on_black_that_can_be_learnt():
    train, test = rows("train", 500, image_shape=GREY), rows("test", 500, image_shape=GREY)
    images = train[:, 1:].reshape(-1, 28, 28)
    assert train.shape == (500, 785) and np.bincount(train[:, 0]).tolist() == [50] * 10
    assert (images[:, 0] == 0).all() and 0.5 < np.mean(images == 0) < 0.9, "black around the shape"
    assert images.max((1, 2)).min() > 170
    assert accuracy_of_ridge_regression(train, test) > 0.5


@pytest.mark.parametrize("name", DATASETS)
def test_they_come_in_the_format_of_every_data_set_and_never_pass_for_it(name, tmp_path):
    dataset = DATASETS[name]
    data = prepare_generated(tmp_path, 30, 10, progress=False, dataset=dataset)
    assert data.folder == tmp_path / name and data.manifest["generated"] is True and "generated" in data.source
    assert data.images("train").shape == (30, *dataset.image_shape) and data.manifest["dataset"] == name
    data.verify()
    with pytest.raises(DataError, match="already holds generated images"):
        prepare(None, tmp_path, progress=False, dataset=dataset)
