import numpy as np

from data_scripts import prepare_generated
from data_scripts.sources.generated import BLOCK, CLASSES, Generated, draw_block


def rows(split, count, start=0):
    return np.concatenate(list(Generated({split: count}).chunks(split, start)))


def test_the_same_images_come_every_time_and_differ_by_split_and_block():
    assert np.array_equal(draw_block("train", 1), draw_block("train", 1))
    assert not np.array_equal(draw_block("train", 1), draw_block("train", 2))
    assert not np.array_equal(draw_block("train", 1), draw_block("test", 1))


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
    """Ridge regression on the pixels: far above the 10 % of guessing, far below a network's accuracy."""
    train, test = rows("train", 1000), rows("test", 500)
    pixels, scene = train[:, 1:] / 255 - 0.5, test[:, 1:] / 255 - 0.5
    kernel = pixels @ pixels.T
    weights = pixels.T @ np.linalg.solve(kernel + 100 * np.eye(len(kernel)), np.eye(10)[train[:, 0]] - 0.1)
    accuracy = np.mean((scene @ weights).argmax(1) == test[:, 0])
    assert 0.3 < accuracy < 0.8
