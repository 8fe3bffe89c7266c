"""The SimSiam notebook's given code: what the grader takes, runs that resume and that begin alike, its figures."""

from __future__ import annotations

import pytest
import torch

from autograder.artefacts.knn.encoders import encoder
from tests.notebook_names import smoke_sessions


@pytest.fixture
def start(tmp_path, monkeypatch):
    return smoke_sessions("simsiam", tmp_path, monkeypatch)


def data(count=48):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return images, torch.arange(count) % 10


def test_the_grader_takes_the_encoder_of_the_best_epoch(start):
    names = start("run")
    measured = iter((0.3, 0.2))
    names["knn_of"] = lambda *inputs: next(measured)
    history = names["train_variant"]("full", *data(), 2, run="simsiam")
    assert [row["knn"] for row in history] == [0.3, 0.2]
    saved = torch.load(names["RUN"] / "simsiam_best.pt", weights_only=True)
    assert saved["epoch"] == 1 and saved["knn"] == 0.3
    x, own = torch.rand(2, 3, 32, 32), names["new_encoder"]()
    own.load_state_dict(saved["state_dict"])
    theirs = encoder({f"state_dict.{name}": tensor for name, tensor in saved["state_dict"].items()})
    assert torch.allclose(theirs(x), own.eval()(x), atol=1e-6)


def test_images_of_the_validation_are_not_trained_on(start):
    names = start("run")
    seen = []
    views = names["draw_views"]
    names["draw_views"] = lambda images, *how: seen.append(images) or views(images, *how)
    images, labels = data()
    names["train_variant"]("full", images, labels, 1)
    trained = torch.cat(seen).flatten(1)
    kept = names["HP"]["validation"]
    assert {tuple(row) for row in trained.tolist()} == {tuple(row) for row in images[:-kept].flatten(1).tolist()}


def test_a_killed_run_goes_on_bit_for_bit(start):
    whole = start("whole")
    whole["train_variant"]("full", *data(), 2)
    killed = start("killed")
    plain = killed["train_one_epoch"]

    def dies(*inputs):
        if (killed["RUN"] / "full_last.pt").is_file():
            raise KeyboardInterrupt
        return plain(*inputs)

    killed["train_one_epoch"] = dies
    with pytest.raises(KeyboardInterrupt):
        killed["train_variant"]("full", *data(), 2)
    again = start("killed")
    assert [row["epoch"] for row in again["train_variant"]("full", *data(), 2)] == [1, 2]
    models = [torch.load(names["RUN"] / "full_last.pt", weights_only=True)["model"] for names in (whole, again)]
    for name, weight in models[0].items():
        assert torch.equal(weight, models[1][name]), name


def test_all_variants_begin_with_the_same_encoder_and_views(start):
    names = start("run")
    views, firsts = names["draw_views"], {}

    def noting(images, *how):
        drawn = views(images, *how)
        firsts.setdefault(run, drawn)
        return drawn

    names["draw_views"] = noting
    for run in ("full", "identity predictor", "double width"):
        names["train_variant"](run, *data(), 1)
    assert torch.equal(firsts["full"], firsts["identity predictor"])
    assert torch.equal(firsts["full"], firsts["double width"])
    one, other = names["new_encoder"]().state_dict(), names["new_encoder"]().state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_expander_leaves_the_variance_to_the_loss(start):
    names = start("run")
    model = names["WithExpander"](names["new_encoder"](), 8)
    z1, z2, *again = model(*torch.rand(2, 6, 3, 16, 16))
    assert z1.shape == (6, 8) and torch.equal(z1, again[0]) and torch.equal(z2, again[1])
    with torch.no_grad():
        model.expander[-1].weight.mul_(100)
        assert model(*torch.rand(2, 6, 3, 16, 16))[0].var(dim=0).max() > 1.5, "no batch norm fixes it"


def test_vicreg_without_its_variance_term_has_a_lower_loss(start):
    names = start("run")
    losses = [names["train_vicreg"](var, *data(), 1, f"vicreg{var:g}")[0]["loss"] for var in (25.0, 0.0)]
    assert losses[1] < losses[0] - 5


def test_the_figure_shows_three_numbers_of_every_run(start):
    names = start("run")
    rows = [{"epoch": epoch, "knn": 0.1 * epoch, "loss": -0.1 * epoch, "feature_std": 0.04} for epoch in (1, 2)]
    figure = names["plot_runs"]({"full": rows, "double width": rows}, 0.044)
    assert [axes.get_ylabel() for axes in figure.axes] == ["k-NN accuracy", "loss", "feature_std"]
    assert [len(axes.lines) for axes in figure.axes] == [3, 2, 3]  # a line for guessing, and one at 1/√d
    assert figure.axes[1].lines[0].get_ydata().tolist() == pytest.approx([-0.1, -0.2])


def test_views_are_shown_as_pixels(start):
    names = start("run")
    images, _ = data(2)
    assert torch.equal(names["to_pixels"](names["normalised"](images / 255)), images)
