"""Correct samples and lines in the styles that people write; mistakes are edits of the first of each."""

import numpy as np
import torch


def sample_as_taught(model, n, generator):
    with torch.no_grad():
        z = torch.randn(n, model.latent, generator=generator)
        logits = model.decode(z)
        return torch.sigmoid(logits)


def line_as_taught(z0, z1, steps):
    t = torch.linspace(0, 1, steps).unsqueeze(1)
    return (1 - t) * z0 + t * z1


@torch.inference_mode()
def sample_in_eval_mode(model, n, generator):
    model.eval()
    z = torch.normal(0.0, 1.0, (n, model.latent), generator=generator).to(next(model.parameters()).device)
    return model.decoder(z).sigmoid().clone()


def line_in_a_loop(z0, z1, steps):
    return torch.stack([z0.clone(), *(z0 + (z1 - z0) * (k / (steps - 1)) for k in range(1, steps))])


def sample_in_batches(model, n, generator):
    z = torch.empty((n, model.latent)).normal_(generator=generator)
    return torch.cat([1 / (1 + (-model.decode(part)).exp()) for part in z.split(7)]).detach()


def line_by_lerp(z0, z1, steps):
    return torch.stack([torch.lerp(z0, z1, weight.item()) for weight in torch.linspace(0, 1, steps)])


def sample_image_by_image(model, n, generator):
    with torch.no_grad():
        return torch.cat(
            [torch.special.expit(model.decode(torch.randn(1, model.latent, generator=generator))) for _ in range(n)]
        )


def line_through_numpy(z0, z1, steps):
    return torch.from_numpy(np.linspace(z0.numpy(), z1.numpy(), steps))


CORRECT = {
    f"{of_images.__name__} and {of_points.__name__}": {"sample": of_images, "interpolate": of_points}
    for of_images, of_points in (
        (sample_as_taught, line_as_taught),
        (sample_in_eval_mode, line_in_a_loop),
        (sample_in_batches, line_by_lerp),
        (sample_image_by_image, line_through_numpy),
    )
}
