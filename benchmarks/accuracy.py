"""q6 of SimCLR on the test set, as the grader measures it: CPU time, count and peak memory.

    python -m benchmarks.accuracy [simclr_lin_best.pt] [--images 10000] [--threads 1]

Without a checkpoint it takes random weights.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from autograder.artefacts.accuracy.count import count_top1
from autograder.artefacts.accuracy.resnet18 import classifier, empty_classifier
from autograder.assignment import read_assignment
from autograder.datasets import describe, find_data
from benchmarks.measuring import machine
from tests.checkout import COURSE, SOLUTIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    data = find_data("cifar10", None, COURSE)
    if data is None:
        raise SystemExit("no CIFAR-10 found: ./kit data cifar10")
    torch.set_num_threads(options.threads)
    (sheet,) = read_assignment(SOLUTIONS / "simclr" / "assignment.toml").artefacts
    images, labels = data.images("test")[: options.images], data.labels("test")[: options.images]
    model = trained(options.checkpoint) if options.checkpoint else random_weights()
    print(machine())
    print(f"{describe(data, 'cifar10', COURSE)}; {options.threads} threads")
    start, began = time.process_time(), time.monotonic()
    with tqdm(total=len(images), unit=" images") as bar:
        count = count_top1(
            model, images, labels, mean=sheet.mean, std=sheet.std, reached=lambda c: bar.update(c.evaluated - bar.n)
        )
    cpu, wall = time.process_time() - start, time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{cpu:.1f} s CPU, {wall:.1f} s wall, {len(images) / cpu:.0f} images/s of CPU, peak memory {peak:.0f} MB")
    print(f"{count.correct:,} of {count.evaluated:,} correct")


def trained(file: Path) -> nn.Module:
    """The classifier of a checkpoint of one's own."""
    state = torch.load(file, weights_only=True)["state_dict"]
    return classifier({name: tensor for name, tensor in state.items() if tensor.is_floating_point()}, 10)


def random_weights() -> nn.Module:
    """A classifier at the start of training."""
    torch.manual_seed(0)
    model = empty_classifier(10).to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
