"""``python -m autograder.scorers.score FILE``: coverage, confidence and Fréchet distance of samples, as q6 measures them.

FILE is what students hand in: samples, ``torch.save({"samples": x}, FILE)``, or a checkpoint of a U-Net, from which
samples are drawn as the grader draws them. ``--split test`` takes real images instead, which shows what can be had.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import torch

from autograder.datasets import find_data
from autograder.engine import ddim
from autograder.engine.copies import CLOSE, nearest
from autograder.engine.pictures import NAME, pictures, to_bytes
from autograder.engine.quality import scores
from autograder.engine.session import SessionLost, StudentError, Zygote
from autograder.engine.unet_checkpoint import network, schedule
from autograder.errors import KitError
from autograder.scorers.classifier import load

PROBES = "autograder.questions.ddpm.probes"  # a session needs some; none is asked


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m autograder.scorers.score", description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, help='with a tensor "samples" (n, c, h, w), or with a U-Net')
    parser.add_argument("--dataset", default="mnist", help="whose scorer looks at them (default: mnist)")
    parser.add_argument("--split", choices=("train", "test"), help="score real images instead of a file")
    parser.add_argument(
        "--count", type=int, default=256, help="samples to draw, real images to take by chance (default: 256)"
    )
    parser.add_argument("--steps", type=int, default=25, help="steps in which samples are drawn (default: 25)")
    arguments = parser.parse_args()
    if (arguments.file is None) == (arguments.split is None):
        parser.error("give either a file or --split")
    try:
        print(line(arguments))
    except (KitError, StudentError, SessionLost, OSError, ddim.NotFinite) as error:
        sys.exit(f"{arguments.file or arguments.split}: {error or 'the network answers NaN or infinity'}")


def line(arguments: argparse.Namespace) -> str:
    """What is printed."""
    scorer, data = load(arguments.dataset), find_data(arguments.dataset, None)
    if scorer is None:
        raise KitError(f"there is no scorer of {arguments.dataset}; see python -m autograder.scorers.train")
    if data is None:
        raise KitError(f"{arguments.dataset} is not prepared; run: python -m data_scripts {arguments.dataset}")
    if arguments.split:
        everything = data.images(arguments.split)
        chosen = torch.randperm(len(everything), generator=torch.Generator().manual_seed(0))[: arguments.count]
        images = torch.from_numpy(everything[chosen.numpy()])
    else:
        images = of_file(arguments, tuple(data.manifest["image_shape"]))
    found = scores(scorer, images)
    text = (
        f"{len(images)} images: coverage {found.coverage:.3f}, confidence {found.confidence:.3f}, "
        f"Fréchet distance {found.frechet:.2f}"
    )
    if arguments.split == "train":
        return text
    near = nearest(images, data.images("train"))
    copies = (near < CLOSE).double().mean().item()
    return f"{text}, copies of training images {copies:.2%} (nearest one: median {near.median():.3f})"


def read_tensors(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, unpickled in a sandbox session, as a stranger may have written it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(file, Path(folder) / file.name)
        with Zygote(PROBES) as zygote, zygote.session(Path(folder)) as session:
            return session.load_checkpoint(file.name)


def of_file(arguments: argparse.Namespace, shape: tuple[int, int, int]) -> torch.Tensor:
    """The samples of the file, or those of its network."""
    tensors = read_tensors(arguments.file)
    if any(name.split(".")[-1] == NAME for name in tensors):
        return pictures(tensors, shape)
    own = schedule(tensors)
    alpha_bar = ddim.linear_alpha_bar() if own is None else own
    drawn = ddim.draw(network(tensors, shape[0]), alpha_bar, (arguments.count, *shape), arguments.steps)
    return to_bytes(drawn.images)


if __name__ == "__main__":
    main()
