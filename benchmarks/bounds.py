"""What q6 of the VAE assignment measures of models whose worth is known, on the data set of ``assignment.toml``.

    python -m benchmarks.bounds --run runs/vae-cpu [--epochs 10] [--out solutions/vae/results]

The solution after some of its epochs, whose weights its run folder keeps; the solution's own training with a β of 0 and of
10; a decoder that ignores z; untrained networks. Bound and scores are those of the grader. Also measures what it costs to
draw a sample, beside the U-Net of the diffusion assignment. Prints a Markdown table and writes ``scores.csv``,
``drawing.csv`` and a digit with its reconstruction, ``digits.png``.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from autograder.artefacts import Inputs
from autograder.artefacts.elbo import Elbo
from autograder.assignment import read_assignment
from autograder.datasets import find_data
from autograder.given.unet import UNet
from autograder.given.vae import LATENT, Decoder, Encoder
from autograder.release.notebooks import read_master
from data_scripts import Prepared
from tests.checkout import COURSE, SOLUTIONS
from tests.notebook_names import notebook_names

ASSIGNMENT = read_assignment(SOLUTIONS / "vae" / "assignment.toml")
COLUMNS = ("model", "bound", "pixels", "kl", "coverage", "confidence", "frechet", "points")
DDPM_STEPS, DDPM_WIDTHS = 200, (16, 32, 96)  # of its profile cpu
Tensors = Mapping[str, torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="run folder of a trained solution, profile cpu")
    parser.add_argument("--epochs", type=int, default=10, help="of the trainings with another β")
    parser.add_argument("--out", type=Path, default=SOLUTIONS / "vae" / "results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    (sheet,) = ASSIGNMENT.artefacts
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    rows = []
    models = chain(solution(options.run), other_betas(options.run, options.epochs), without_z())
    for title, weights in models:
        rows.append(measured(sheet, title, weights))
        print(f"| {' | '.join(rows[-1])} |", flush=True)
    write(options.out / "scores.csv", COLUMNS, rows)
    write(options.out / "drawing.csv", ("model", "milliseconds_per_image"), list(drawing(options.run)))
    save_digits(options.run, options.out / "digits.png")


def data() -> Prepared:
    """The images of the assignment's data set."""
    return find_data(ASSIGNMENT.dataset, None, COURSE)


def write(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


def solution(run: Path) -> Iterator[tuple[str, Tensors]]:
    """The solution's weights after some epochs."""
    for file in sorted((run / "epochs").glob("vae-*.pt")):
        saved = torch.load(file, map_location="cpu", weights_only=True)
        yield f"the solution after epoch {saved['epoch']}", saved["state_dict"]


def other_betas(run: Path, epochs: int) -> Iterator[tuple[str, Tensors]]:
    """The solution trained with another weight of the KL divergence, in a folder beside the run's."""
    os.environ["KIT_PROFILE"] = "cpu"
    images = torch.from_numpy(data().images("train").copy())
    for beta in (0.0, 10.0):
        folder = run.with_name(f"{run.name}-beta-{beta:g}")
        folder.mkdir(exist_ok=True)
        names = notebook_names(read_master(SOLUTIONS / "vae" / "master.py", "vae", ""), folder)
        names["HP"]["epochs"] = epochs
        names["train_vae"](images, images[:8], beta)
        last = torch.load(folder / "epochs" / f"vae-{epochs:03d}.pt", map_location="cpu", weights_only=True)
        yield f"β = {beta:g}, after epoch {epochs}", last["state_dict"]


def without_z() -> Iterator[tuple[str, Tensors]]:
    """The best decoder that ignores z (every pixel is its mean), and networks with their first weights."""
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"encoder": Encoder(), "decoder": Decoder()})
    untrained = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    mean = torch.from_numpy(data().images("train").mean(axis=0) / 255).float().flatten()
    ignoring = {name: torch.zeros_like(tensor) for name, tensor in untrained.items()}
    yield "a decoder that ignores z", ignoring | {"decoder.logits.bias": mean.clamp(1e-5, 1 - 1e-5).logit()}
    yield "untrained networks", untrained


def measured(sheet: Elbo, title: str, weights: Tensors) -> tuple[str, ...]:
    """A row of the table: what the grader finds for a checkpoint and 1,024 samples of it."""
    decoder = Decoder(LATENT, tuple(len(weights[f"decoder.body.{k}.bias"]) for k in (0, 2)))
    decoder.load_state_dict({name[8:]: tensor for name, tensor in weights.items() if name.startswith("decoder.")})
    with torch.no_grad():
        z = torch.randn(sheet.own_count, LATENT, generator=torch.Generator().manual_seed(1))
        files = {sheet.checkpoint: weights, sheet.file: {"samples": (decoder(z).sigmoid() * 255).round()}}
    inputs = Inputs(ASSIGNMENT.dataset, data(), lambda file: True, lambda file: dict(files[file]), math.inf)
    finding = sheet.measure(inputs)
    bound, score = finding.numbers["elbo"], finding.numbers.get("own")
    points = sum(points for points, _ in sheet.earned(finding).values())
    scores = (
        [f"{score['coverage']:.2f}", f"{score['confidence']:.2f}", f"{score['frechet']:.1f}"] if score else ["–"] * 3
    )
    return title, *(f"{bound[part]:.1f}" for part in ("elbo", "reconstruction", "kl")), *scores, f"{points:g}"


def drawing(run: Path) -> Iterator[tuple[str, str]]:
    """Milliseconds to draw one image on one thread, in batches of 256: the decoder once, the U-Net once for each step."""
    torch.set_num_threads(1)
    saved = torch.load(run / "vae_best.pt", map_location="cpu", weights_only=True)["state_dict"]
    decoder, unet = Decoder(LATENT), UNet(1, DDPM_WIDTHS).eval()
    decoder.load_state_dict({name[8:]: tensor for name, tensor in saved.items() if name.startswith("decoder.")})
    x, t, z = torch.randn(256, 1, 28, 28), torch.zeros(256, dtype=torch.int64), torch.randn(256, LATENT)
    with torch.inference_mode():
        yield "VAE", f"{1000 * seconds(lambda: decoder(z).sigmoid()) / 256:.4f}"
        yield f"DDPM, {DDPM_STEPS} steps", f"{1000 * DDPM_STEPS * seconds(lambda: unet(x, t)) / 256:.1f}"


def save_digits(run: Path, path: Path) -> None:
    """A test image and its reconstruction after the last epoch, side by side."""
    last = max((run / "epochs").glob("vae-*.pt"))
    shown = torch.load(last, map_location="cpu", weights_only=True)["shown"]
    image = data().images("test")[0]
    Image.fromarray(np.concatenate([image[0], shown[-8, 0].numpy()], axis=1)).save(path)


def seconds(call: object, rounds: int = 5) -> float:
    """Processor seconds of the fastest of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
