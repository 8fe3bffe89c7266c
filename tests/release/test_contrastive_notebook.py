"""The contrastive notebook's given code: what is trained on, what is saved, runs that resume, its figures."""

from __future__ import annotations

import sys
from itertools import islice

import pytest
import torch

from tests.notebook_names import smoke_sessions


@pytest.fixture
def start(tmp_path, monkeypatch):
    return smoke_sessions("contrastive", tmp_path, monkeypatch)


def data(count=50):
    """Images whose first pixel is their number, and labels of ten classes."""
    images = torch.randint(256, (count, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return images, torch.arange(count) % 10


def trained(names, **options):
    learnt, kept = names["held_out"](*data())
    return names["train_metric"]("encoder", "hard", learnt, kept, 2, **options), learnt, kept


def test_a_fifth_of_the_images_is_kept_and_both_parts_hold_all_images_once(start):
    names = start("run")
    images, labels = data()
    (learnt, of_learnt), (kept, of_kept) = names["held_out"](images, labels)
    assert (len(learnt), len(kept)) == (40, 10)
    together = torch.cat([learnt, kept]).flatten(1).tolist()
    assert sorted(together) == sorted(images.flatten(1).tolist())
    where = [images.flatten(1).tolist().index(row) for row in together]
    assert torch.equal(labels[where], torch.cat([of_learnt, of_kept]))


def test_a_shuffled_stream_holds_each_row_once_in_a_pass_and_never_ends(start):
    names, rng = start("run"), torch.Generator().manual_seed(0)
    batches = torch.cat(list(islice(names["shuffled"](torch.zeros(7), 3, rng), 7)))
    passes = batches.view(3, 7)
    assert all(sorted(one) == list(range(7)) for one in passes.tolist())
    assert not torch.equal(passes[0], passes[1])


def test_a_batch_of_triplets_or_pairs_holds_its_rows_in_the_order_that_its_loss_reads(start):
    names, rng = start("run"), torch.Generator().manual_seed(0)
    y = torch.arange(30) % 3
    a, p, n = next(names["random_triplets"](y, 24, rng)).chunk(3)
    assert len(a) == 8 and (y[a] == y[p]).all() and (y[a] != y[n]).all() and (a != p).all()
    first, partner = next(names["random_pairs"](y, 24, rng)).chunk(2)
    assert len(first) == 12 and (first != partner).all()
    z = torch.randn(24, 4, generator=rng)
    same = y[first] == y[partner]
    loss = names["MINING"]["pairs"][1](z, torch.cat([y[first], y[partner]]))
    assert torch.equal(loss, names["contrastive_loss"](z[:12], z[12:], same, names["HP"]["margin"]))


def test_a_batch_without_a_triplet_costs_nothing_and_can_be_learnt_from(start):
    z = torch.randn(3, 4, requires_grad=True)
    loss = start("run")["hard_loss"](z, torch.tensor([1, 2, 3]))
    loss.backward()
    assert loss == 0 and not z.grad.any()


def test_a_killed_run_goes_on_bit_for_bit(start):
    whole = start("whole")
    trained(whole)
    killed = start("killed")
    plain = killed["fit_contrastive_model"]

    def dies(*inputs):
        if (killed["RUN"] / "encoder_last.pt").is_file():
            raise KeyboardInterrupt
        return plain(*inputs)

    killed["fit_contrastive_model"] = dies
    with pytest.raises(KeyboardInterrupt):
        trained(killed)
    again = start("killed")
    assert [row["epoch"] for row in trained(again)[0]] == [1, 2]
    states = [torch.load(names["RUN"] / "encoder.pt", weights_only=True)["state_dict"] for names in (whole, again)]
    for name, weight in states[0].items():
        assert torch.equal(weight, states[1][name]), name


def test_the_heads_begin_with_the_saved_encoder_and_leave_or_train_it(start):
    names = start("run")
    _, learnt, kept = trained(names)
    saved = torch.load(names["RUN"] / "encoder.pt", weights_only=True)["state_dict"]
    for name, trains, keys in (("linear", False, {"linear.weight", "linear.bias"}), ("nn", True, None)):
        model, history = names["train_head"](name, trains, learnt, kept, 1, 0.1)
        same = all(torch.equal(part, model.encoder.state_dict()[key]) for key, part in saved.items())
        assert same != trains, name
        found = torch.load(names["RUN"] / f"{name}.pt", weights_only=True)["state_dict"]
        assert found.keys() == (keys or model.state_dict().keys())
        assert history[-1]["kept_accuracy"] == names["measured"](model, *kept, "kept")["kept_accuracy"]


def test_a_new_encoder_makes_the_heads_train_anew(start, capsys):
    names = start("run")
    _, learnt, kept = trained(names)
    names["train_head"]("linear", False, learnt, kept, 1, 0.1)
    names["train_head"]("linear", False, learnt, kept, 1, 0.1)
    assert "linear: nothing trained: the run is complete" in capsys.readouterr().out
    names["HP"]["lr"] = 0.01
    trained(names)
    names["train_head"]("linear", False, learnt, kept, 1, 0.1)
    assert "linear: starting again (the hyper-parameters changed)" in capsys.readouterr().out


def test_a_query_gets_the_class_of_the_nearest_mean(start):
    names = start("run")
    names["embeddings"] = lambda encoder, images: images.flatten(1)[:, :1].float()
    bank = torch.tensor([0, 2, 10, 20]).view(4, 1, 1, 1), torch.tensor([7, 7, 3, 3])
    queries = torch.tensor([7, 9, 0, 30]).view(4, 1, 1, 1), torch.tensor([7, 3, 3, 3])  # the means are 1 and 15
    assert names["nearest_mean"](None, bank, queries) == 0.75


def test_without_scikit_learn_the_figure_is_a_sentence(start, monkeypatch, capsys):
    names = start("run")
    z = {"before": torch.randn(30, 4), "after": torch.randn(30, 4)}
    figure = names["draw_tsne"](z, torch.arange(30) % 10)
    assert [axes.get_title() for axes in figure.axes] == ["before", "after"]
    assert sum(len(points.get_offsets()) for points in figure.axes[0].collections) == 30
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    assert names["draw_tsne"](z, torch.arange(30) % 10) is None
    assert "install scikit-learn" in capsys.readouterr().out


def test_the_figure_of_the_margin_draws_an_arrow_for_each_force(start):
    points, forces = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[-1.0, 0.0], [0.0, 0.5]])
    (axes,) = start("run")["draw_forces"](points, forces, torch.tensor([True, False]), 1.5).axes
    pulled, pushed = axes.collections
    assert (pulled.U.tolist(), pulled.V.tolist(), pushed.U.tolist(), pushed.V.tolist()) == ([-1], [0], [0], [0.5])
    assert axes.patches[0].radius == 1.5
