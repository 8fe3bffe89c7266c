"""Training images a second of the DDPM notebook, beside a plain loop with the denoising-diffusion-pytorch package.

    pip install -e '.[benchmarks]'
    python -m benchmarks.diffusion [--profile cpu] [--rounds 3] [--steps 10]

Both train a U-Net on 28x28 pictures in the same batches with Adam, T and the linear schedule: the notebook with its own
driver (precision, averaged weights, scheduler), the other as the package's README does it. The package's width is the one
whose number of parameters comes nearest. The two take turns, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from autograder.release.notebooks import read_master
from tests.checkout import SOLUTIONS
from tests.notebook_names import notebook_names

SIZE = 28


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    os.environ["KIT_PROFILE"] = options.profile
    names = notebook_names(read_master(SOLUTIONS / "ddpm" / "master.py", "ddpm", ""), Path(tempfile.mkdtemp()))
    batch = names["HP"]["batch"]
    pictures = torch.rand(batch * options.steps, 1, SIZE, SIZE)
    ours, parameters = notebook_loop(names, pictures, batch)
    theirs, other_parameters = package_loop(names["HP"], pictures, batch, parameters)
    rates: dict[str, list[float]] = {"notebook": [], "package": []}
    for number in range(options.rounds + 1):
        for title, epoch in (("notebook", ours), ("package", theirs)):
            start = time.perf_counter()
            epoch()
            if number:  # the first round warms up
                rates[title].append(len(pictures) / (time.perf_counter() - start))
    medians = {title: statistics.median(values) for title, values in rates.items()}
    print(
        f"{torch.get_num_threads()} threads, batches of {batch}, {options.rounds} rounds of {options.steps} steps each"
    )
    print(f"notebook                     {parameters:>9,} parameters {medians['notebook']:7.1f} images/s")
    print(f"denoising-diffusion-pytorch  {other_parameters:>9,} parameters {medians['package']:7.1f} images/s")
    print(f"ratio {medians['notebook'] / medians['package']:.2f}")


def notebook_loop(names: dict, pictures: torch.Tensor, batch: int) -> tuple[Callable[[], object], int]:
    """An epoch of the notebook's own training, and the number of parameters of its network."""
    table, device = names["HP"], names["DEVICE"]
    names["SCHEDULE"] = names["noise_schedule"](table["T"], table["beta_start"], table["beta_end"]).to(device)
    model = names["Averaged"](names["UNet"](1, table["widths"]), table["ema"]).to(device)
    optimizer, scheduler = names["adam"](table["lr"], table["warmup"])(model, 10**6)
    labels = torch.zeros(len(pictures), dtype=torch.int64)
    loader = names["Batches"]((pictures * 255).to(torch.uint8), labels, batch, names["to_floats"])
    fast = names["InPrecision"](model)

    def epoch() -> float:
        return names["train_one_epoch"](fast, loader, optimizer, scheduler, names["diffusion_loss"], device)

    return epoch, sum(parameter.numel() for parameter in model.network.parameters())


def package_loop(table: dict, pictures: torch.Tensor, batch: int, parameters: int) -> tuple[Callable[[], object], int]:
    """An epoch of a plain loop around the package's classes, and the number of parameters of its network."""
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    def network(width: int) -> torch.nn.Module:
        return Unet(dim=width, dim_mults=(1, 2, 4), channels=1)

    def count(width: int) -> int:
        return sum(parameter.numel() for parameter in network(width).parameters())

    width = min(range(8, 72, 8), key=lambda width: abs(count(width) - parameters))
    diffusion = GaussianDiffusion(network(width), image_size=SIZE, timesteps=table["T"], beta_schedule="linear")
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=table["lr"])

    def epoch() -> None:
        for images in pictures.split(batch):
            loss = diffusion(images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch, count(width)


if __name__ == "__main__":
    main()
