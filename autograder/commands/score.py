"""``./kit score``: coverage, confidence and Fréchet distance of samples, as the grader measures them."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox import preload

if TYPE_CHECKING:
    import torch

    from autograder.assignment import SamplesSheet
    from data_scripts import Prepared

EXAMPLE = "./kit score ddpm run/ddpm_samples.pt"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an assignment with samples, e.g. ddpm")
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        help='what students hand in: a file with a tensor "samples", or a checkpoint, of which samples are drawn',
    )
    parser.add_argument("--split", choices=("train", "test"), help="real images instead: what can be had")


def run(arguments: argparse.Namespace) -> int:
    preload.start_over(arguments.command_line)

    import torch

    from autograder.assignment import read_assignment
    from autograder.course import find_course
    from autograder.datasets import find_data
    from autograder.engine.copies import CLOSE, nearest
    from autograder.engine.quality import quality, scores
    from autograder.errors import KitError
    from autograder.scorers.classifier import load

    folder = find_course(arguments.course).assignment(arguments.name)
    assignment = read_assignment(folder.settings)
    sheet, dataset = assignment.samples, assignment.dataset
    if sheet is None:
        raise KitError(f"{arguments.name} has no [samples] in its assignment.toml")
    if (arguments.file is None) == (arguments.split is None):
        raise KitError("give either a file or --split")
    scorer, data = load(dataset), find_data(dataset, None, folder.course)
    if scorer is None:
        raise KitError(f"there is no scorer of {dataset}; make one: python -m autograder.scorers.train {dataset}")
    if data is None:
        raise KitError(f"{dataset} is not prepared; run: python -m data_scripts {dataset}")
    if arguments.split:
        everything = data.images(arguments.split)
        chosen = torch.randperm(len(everything), generator=torch.Generator().manual_seed(0))[: sheet.count]
        images = torch.from_numpy(everything[chosen.numpy()])
    else:
        images = of_file(arguments.file, sheet, data)
    found = scores(scorer, images)
    print(
        f"{len(images):,} images: coverage {found.coverage:.3f}, confidence {found.confidence:.3f}, "
        f"Fréchet distance {found.frechet:.2f}; {quality(found, sheet.ramps):.0%} of the points"
    )
    if arguments.split != "train":
        copies = (nearest(images, data.images("train")) < CLOSE).double().mean().item()
        print(f"copies of training images: {copies:.2%}")
    return 0


def of_file(file: Path, sheet: SamplesSheet, data: Prepared) -> torch.Tensor:
    """The samples of a file, or those of its network, (n, c, h, w) uint8.

    Raises:
        KitError: the file is missing, or holds neither.
    """
    from autograder.engine import ddim
    from autograder.engine.pictures import NAME, pictures, to_bytes
    from autograder.engine.unet_checkpoint import network, schedule
    from autograder.errors import KitError

    tensors, shape = read_tensors(file), tuple(data.manifest["image_shape"])
    if any(name.split(".")[-1] == NAME for name in tensors):
        return pictures(tensors, shape)
    own = schedule(tensors)
    alpha_bar = ddim.linear_alpha_bar() if own is None else own
    try:
        drawn = ddim.draw(network(tensors, shape[0]), alpha_bar, (sheet.count, *shape), sheet.steps)
    except ddim.NotFinite:
        raise KitError(f"{file}: the network's answers are NaN or infinite") from None
    return to_bytes(drawn.images)


def read_tensors(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file, unpickled in a sandbox session, as a stranger may have written it.

    Raises:
        KitError: it cannot be read.
    """
    from autograder.engine.session import Sandbox, SessionLost, StudentError
    from autograder.errors import KitError

    if not file.is_file():
        raise KitError(f"{file}: no such file")
    try:
        with tempfile.TemporaryDirectory() as folder, Sandbox() as zygote:
            shutil.copyfile(file, Path(folder) / file.name)
            with zygote.session(Path(folder)) as session:
                return session.load_checkpoint(file.name)
    except StudentError as error:
        raise KitError(error.message) from None
    except SessionLost as error:
        raise KitError(f"{file} could not be read: {error.reason}") from None
