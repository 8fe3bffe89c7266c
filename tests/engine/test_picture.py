"""The image in a report: views that cannot be drawn give none, whatever their shape."""

import numpy as np
import pytest
import torch

from autograder.engine.grade import picture


class Answers:
    """A runner and a data set in one: it answers with views of a shape, and has some images."""

    def __init__(self, *shape: int) -> None:
        self.views = torch.zeros(shape)

    def call(self, *_: object) -> dict[str, torch.Tensor]:
        return {"views": self.views}

    def images(self, part: str) -> np.ndarray:
        return np.zeros((8, 3, 32, 32), np.uint8)


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [
        ((8, 2, 3, 32, 32), 1),
        ((8, 2, 3, 1, 96), 1),
        ((8, 2, 3, 0, 32), 0),
        ((8, 2, 3, 32, 0), 0),
        ((8, 2, 3, 97, 1), 0),
    ],
)
def test_only_views_with_a_side_of_1_to_96_are_drawn(shape, drawn):
    assert len(picture(Answers(*shape), "probe", Answers())) == drawn
