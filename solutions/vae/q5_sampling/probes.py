"""Probes of q5: ``sample`` of a given model whose logits are known, whatever z it decodes, and ``interpolate``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from autograder.questions.noise.probes import drawn_rows
from autograder.questions.probing import as_tensor, global_state_kept
from autograder.questions.side_effects.probes import side_effects, without_gradients

from ..probes import LATENT, Student, latent_rows


OTHER_LATENT = 24  # where z is looked at: its width is the model's


class KnownLogits(nn.Module):
    """z (m, latent) -> logits (m, 1, 28, 28). The k-th row that it decodes gets ``rows[k]`` + ``columns[k]``, and after the last
    of these the first again. It notes its rows."""

    def __init__(self, rows: Tensor, columns: Tensor, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.one = nn.Parameter(torch.ones_like(rows[0, 0]))
        self.rows, self.columns = rows, columns
        self.seen: list[Tensor] = []

    def forward(self, z: Tensor) -> Tensor:
        first = sum(map(len, self.seen))
        self.seen.append(latent_rows(z, self.latent).detach().clone())
        k = torch.arange(first, first + len(self.seen[-1])) % len(self.rows)
        return self.one * (self.rows[k][:, None, :, None] + self.columns[k][:, None, None, :])


class GivenVAE(nn.Module):
    """A VAE that can only decode."""

    def __init__(self, rows: Tensor, columns: Tensor, latent: int = LATENT) -> None:
        super().__init__()
        self.latent, self.decoder = latent, KnownLogits(rows, columns, latent)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)


def samples(student: Student, n: int, seed: int, **given: Tensor) -> dict[str, Tensor]:
    """``images``: what ``sample`` returns, in the dtype of the logits.

    Args:
        given: ``rows`` and ``columns`` of the model's logits, (n, 28) each.
    """
    with global_state_kept():
        torch.manual_seed(0)
        images = student["sample"](GivenVAE(**given), n, torch.Generator().manual_seed(seed))
    return {"images": as_tensor(images, "What sample returns").to(given["rows"].dtype)}


def sampling_randomness(student: Student, n: int, seed: int, **given: Tensor) -> dict[str, Tensor]:
    """What ``drawn_rows`` returns, of the z that the model decodes in one call."""

    def draw(generator: torch.Generator) -> Tensor:
        model = GivenVAE(**given, latent=OTHER_LATENT)
        student["sample"](model, n, generator)
        return torch.cat([torch.empty(0, OTHER_LATENT), *model.decoder.seen])

    return drawn_rows(draw, seed)


def line(student: Student, z0: Tensor, z1: Tensor, steps: int) -> dict[str, Tensor]:
    """``line``: what ``interpolate`` returns, in the dtype of ``z0``."""
    with global_state_kept():
        points = student["interpolate"](z0.clone(), z1.clone(), steps)
    return {"line": as_tensor(points, "What interpolate returns").to(z0.dtype)}


def conduct(
    student: Student, n: int, seed: int, steps: int, rows: Tensor, columns: Tensor, z0: Tensor, z1: Tensor
) -> dict[str, Tensor]:
    """What both functions do beside computing their results.

    Returns:
        ``line_…``: what ``side_effects`` and ``without_gradients`` return for ``interpolate``.
        ``pixel``: a number of the result of ``sample``, in its dtype; ``images_have_graph``: whether it requires gradients;
            ``gradients_on``: whether gradients are switched on when it has returned, as they were before; ``trainable``:
            whether the parameter of the model still requires them; 0-d bool each. Also what ``without_gradients`` returns.
    """
    model = GivenVAE(rows, columns)
    with global_state_kept():
        torch.set_grad_enabled(True)
        images = student["sample"](model, n, torch.Generator().manual_seed(seed))
        as_tensor(images, "What sample returns")
        gradients_on = torch.is_grad_enabled()

    def images_again() -> Tensor:
        return student["sample"](GivenVAE(rows, columns), n, torch.Generator().manual_seed(seed))

    def call(z0: Tensor, z1: Tensor) -> Tensor:
        return as_tensor(student["interpolate"](z0, z1, steps), "What interpolate returns")

    effects = {**side_effects(call, given := {"z0": z0, "z1": z1}), **without_gradients(call, given)}
    return {
        **{f"line_{name}": tensor for name, tensor in effects.items()},
        **without_gradients(images_again, {}),
        "images_have_graph": torch.tensor(images.requires_grad),
        "pixel": images.detach().flatten()[:1],
        "gradients_on": torch.tensor(gradients_on),
        "trainable": torch.tensor(model.decoder.one.requires_grad),
    }
