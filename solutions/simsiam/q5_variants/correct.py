"""Correct variants in the styles that people write: each must earn all points."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from ..q1b_simsiam_loss.correct import both_directions as simsiam_loss
from ..q2_network.correct import Plain as SimSiam


def by_branches(name, encoder, width=512, bottleneck=128):
    """The plain form: ``mistakes`` are changes of it."""

    def without_stop(p1, p2, z1, z2):
        return -(F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)).mean() / 2

    if name not in ("full", "no stop-gradient", "identity predictor", "double width"):
        raise ValueError(f"unknown variant {name}")
    if name == "double width":
        model = SimSiam(encoder, 2 * width, bottleneck)
    else:
        model = SimSiam(encoder, width=width, bottleneck=bottleneck)
    if name == "identity predictor":
        model.predictor = nn.Identity()
    loss_function = simsiam_loss
    if name == "no stop-gradient":
        loss_function = without_stop
    return model, loss_function


class WithoutPredictor(SimSiam):
    def forward(self, x1, x2):
        _, _, z1, z2 = super().forward(x1, x2)
        return z1, z2, z1, z2


def by_a_table(name, encoder, width=512, bottleneck=128):
    def symmetric(p1, p2, z1, z2, stop=True):
        p, z = torch.cat([p1, p2]), torch.cat([z2, z1])
        z = z.detach() if stop else z
        return -(F.normalize(p, dim=1) * F.normalize(z, dim=1)).sum(1).mean()

    table = {
        "full": (SimSiam, width, symmetric),
        "no stop-gradient": (SimSiam, width, partial(symmetric, stop=False)),
        "identity predictor": (WithoutPredictor, width, symmetric),
        "double width": (SimSiam, width * 2, symmetric),
    }
    try:
        kind, width, loss = table[name]
    except KeyError as error:
        raise ValueError(name) from error
    return kind(encoder, width, bottleneck), loss


class Cosine(nn.Module):
    def __init__(self, stop):
        super().__init__()
        self.stop, self.cosine = stop, nn.CosineSimilarity(dim=1)

    def forward(self, p1, p2, z1, z2):
        if self.stop:
            z1, z2 = z1.detach(), z2.detach()
        return -0.5 * (self.cosine(p1, z2).mean() + self.cosine(p2, z1).mean())


def by_match(name, encoder, width=512, bottleneck=128):
    model = SimSiam(encoder, width, bottleneck)
    match name:
        case "full" | "no stop-gradient":
            pass
        case "identity predictor":
            del model.predictor
            model.predictor = nn.Sequential()
        case "double width":
            model = SimSiam(encoder, 2 * width, bottleneck)
        case _:
            raise ValueError("no such variant: " + name)
    return [model, Cosine(stop=name != "no stop-gradient")]


CORRECT = {f.__name__: {"variant": f} for f in (by_branches, by_a_table, by_match)}
