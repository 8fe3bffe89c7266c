"""A scorer is trained the same way each time, for images of any size and number of channels, and read back whole."""

import pytest
import torch

from autograder.scorers.classifier import FEATURES, Classifier, load, look, save
from autograder.scorers.train import outliers, train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def scorer(images):
    return train(images, epochs=3)


def test_equal_data_give_equal_bytes(scorer, images, tmp_path):
    again = train(images, epochs=3)
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert save(scorer, "x", tmp_path / "one").read_bytes() == save(again, "x", tmp_path / "two").read_bytes()


def test_statistics_are_those_of_the_test_images(scorer, images):
    probabilities, features = look(scorer.classifier, torch.from_numpy(images.images("test").copy()))
    assert features.shape == (100, FEATURES)
    assert scorer.covariance.trace().item() == pytest.approx(100, rel=1e-4)
    torch.testing.assert_close(scorer.mean, features.mean(dim=0))
    assert scorer.histogram.tolist() == [0.1] * 10
    right = (probabilities.argmax(dim=1).numpy() == images.labels("test")).mean()
    assert scorer.about["accuracy"] == f"{right:.2%}"
    assert "generated" in scorer.about["source"]


def test_what_was_saved_is_loaded(scorer, images, tmp_path):
    save(scorer, "small", tmp_path)
    loaded = load("small", tmp_path)
    pictures = torch.from_numpy(images.images("test").copy())
    for found, expected in zip(look(loaded.classifier, pictures), look(scorer.classifier, pictures)):
        assert torch.equal(found, expected)
    assert torch.equal(loaded.covariance, scorer.covariance) and loaded.about == scorer.about
    assert not loaded.classifier.training


def test_a_picture_s_answer_does_not_depend_on_its_batch(scorer, images):
    pictures = torch.from_numpy(images.images("test").copy())
    torch.testing.assert_close(
        look(scorer.classifier, pictures[70:71])[1], look(scorer.classifier, pictures)[1][70:71], atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 33, 20)])
def test_classifier_and_outliers_take_any_size(shape):
    pictures = torch.rand(32, *shape)
    logits, features = Classifier(shape[0], 7)(pictures)
    assert logits.shape == (32, 7) and features.shape == (32, FEATURES)
    strange = outliers(pictures)
    assert strange.shape == (8, *shape) and strange.min() >= 0 and strange.max() <= 1
