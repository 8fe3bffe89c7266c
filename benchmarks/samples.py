"""What the scores of q6 say of samples whose worth is known: the table in the DDPM notebook.

    python -m benchmarks.samples [--run runs/ddpm-cpu]

Real pictures, noise, blurred pictures, a small VAE trained here for three epochs (its samples are blurred, as those of VAEs
are), and the solution after some of its epochs, whose weights its run folder keeps. The grader's own sampler draws from
the checkpoints; ``handed in`` are the run's 1,024 samples by the notebook's ``sample``. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.transforms.functional import gaussian_blur

from autograder.artefacts.samples import ddim, share_of_points
from autograder.artefacts.samples.files import to_bytes
from autograder.artefacts.samples.scores import scores
from autograder.artefacts.samples.unet import network, schedule
from autograder.assignment import read_assignment
from autograder.datasets import find_data
from autograder.scorers.classifier import load
from tests.checkout import COURSE, SOLUTIONS

LATENTS = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="run folder of a trained solution")
    options = parser.parse_args()
    (sheet,) = read_assignment(SOLUTIONS / "ddpm" / "assignment.toml").artefacts
    scorer = load("mnist")
    print(
        "| samples | coverage | confidence | Fréchet distance | share of the points |\n| --- | --- | --- | --- | --- |"
    )
    for title, images in (*known(sheet.count), *trained(options.run, sheet)):
        found = scores(scorer, images)
        share = share_of_points(asdict(found), sheet.ramps)
        print(
            f"| {title} | {found.coverage:.2f} | {found.confidence:.2f} | {found.frechet:.1f} | {share:.0%} |",
            flush=True,
        )


def known(count: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Samples of known worth: a title and (count, 1, 28, 28) uint8."""
    data = find_data("mnist", None, COURSE)
    test, train = (torch.from_numpy(data.images(split)[:20_000].copy()) for split in ("test", "train"))
    generator = torch.Generator().manual_seed(0)
    yield f"{count} test images", test[:count]
    yield "the same, blurred (deviation 1 pixel)", gaussian_blur(test[:count], 9, 1.0)
    yield "the same, blurred (deviation 2 pixels)", gaussian_blur(test[:count], 9, 2.0)
    yield "uniform noise", torch.randint(256, test[:count].shape, generator=generator, dtype=torch.uint8)
    yield "one image, repeated", test[:1].expand(count, -1, -1, -1)
    yield "a VAE after three epochs", vae_samples(train, count)


def vae_samples(images: torch.Tensor, count: int) -> torch.Tensor:
    """Means of a VAE's decoder at latents from the prior: (count, 1, 28, 28) uint8. Kingma and Welling (2014)."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 2 * LATENTS))
    decoder = nn.Sequential(nn.Linear(LATENTS, 400), nn.ReLU(), nn.Linear(400, 784))
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for _ in range(3):
        for batch in images[torch.randperm(len(images))].split(64):
            x = batch.float().flatten(1) / 255
            mean, logvar = encoder(x).chunk(2, dim=1)
            z = mean + (logvar / 2).exp() * torch.randn_like(mean)
            likelihood = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
            loss = (likelihood - 0.5 * (1 + logvar - mean.square() - logvar.exp()).sum()) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        decoded = decoder(torch.randn(count, LATENTS)).sigmoid()
    return (decoded * 255).to(torch.uint8).reshape(-1, 1, 28, 28)


def trained(run: Path | None, sheet: object) -> Iterator[tuple[str, torch.Tensor]]:
    """Samples of the checkpoints that a run of the solution left, and those that it handed in."""
    if run is None:
        return
    for file in (*sorted((run / "epochs").glob("*.pt")), run / sheet.checkpoint):
        saved = torch.load(file, map_location="cpu", weights_only=True)
        tensors = saved["state_dict"] | {"alpha_bar": saved["alpha_bar"]}
        drawn = ddim.draw(network(tensors, 1), schedule(tensors), (sheet.count, 1, 28, 28), sheet.steps)
        yield f"the solution after epoch {saved['epoch']}", to_bytes(drawn.images)
    if (run / sheet.file).is_file():
        samples = torch.load(run / sheet.file, weights_only=True)["samples"]
        yield f"{len(samples):,} handed in by the solution", samples


if __name__ == "__main__":
    main()
