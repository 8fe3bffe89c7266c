"""Run by torchrun: the losses of two processes and their gradients, beside those of one process with the whole batch.

``torchrun --nproc-per-node 2 recipe_in_processes.py FOLDER`` writes ``FOLDER/<loss>-<rank>.pt``.
"""

import sys
from pathlib import Path

import torch
from torch import nn

from autograder.release.course import assignment_master
from tests.checkout import COURSE
from tests.notebook_names import notebook_names


class TwoLayers(nn.Module):
    """As a SimCLR network, h and z of x; without batch norm, whose statistics would differ between the processes."""

    def __init__(self):
        super().__init__()
        self.encoder, self.projection = nn.Linear(6, 8), nn.Linear(8, 5)

    def forward(self, x):
        h = self.encoder(x).tanh()
        return h, self.projection(h)


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def main(folder: Path) -> None:
    names = notebook_names(assignment_master(COURSE.assignment("simclr")), folder)
    rank, world = names["RANK"], names["WORLD"]
    generator = torch.Generator().manual_seed(0)
    x_i, x_j = (torch.randn(8, 6, generator=generator) for _ in "ij")
    torch.manual_seed(rank)  # the weights of process 0 are to be everyone's
    for loss in ("nt_xent", "barlow_twins", "nt_xent_euclidean"):
        model = TwoLayers()
        network = names["across_processes"](model)
        mine = names["my_share"](torch.arange(8))
        together = names["loss_function"](loss)(network(x_i[mine])[1], network(x_j[mine])[1])
        together.backward()
        result = {"loss": together.detach(), "gradients": gradients(model), "mine": mine}
        alone = TwoLayers()
        alone.load_state_dict(model.state_dict())
        whole = names[loss](alone(x_i)[1], alone(x_j)[1], parameter(names, loss))
        whole.backward()
        torch.save({**result, "whole": whole.detach(), "wanted": gradients(alone)}, folder / f"{loss}-{rank}.pt")
    assert world == 2
    torch.distributed.destroy_process_group()


def parameter(names, loss):
    return names["HP"][{"nt_xent": "temperature", "barlow_twins": "lambd"}.get(loss, "temperature_euclidean")]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
