"""q6 on the test set, by the plain network alone and as the grader does it: CPU time, counts and peak memory.

    python -m benchmarks.accuracy [simclr_lin_best.pt] [--images 10000] [--threads 1]

Both in one process, in turn; without a checkpoint with random weights. Fails where the counts differ.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import torch
from autograder.engine.accuracy import BATCH_SIZE, batch_for, normalised, top1
from autograder.engine.checkpoint import classifier, empty_classifier
from autograder.engine.predictions import predict
from torch import nn
from tqdm import tqdm

from autograder.datasets import describe, find_data
from autograder.engine.container import free_memory
from benchmarks.measuring import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    data = find_data("cifar10", None)
    if data is None:
        raise SystemExit("no CIFAR-10 found: python -m data_scripts cifar10")
    torch.set_num_threads(options.threads)
    images, labels = data.images("test")[: options.images], data.labels("test")[: options.images]
    model = trained(options.checkpoint) if options.checkpoint else random_weights()
    model = model.to(memory_format=torch.channels_last)
    print(machine())
    print(f"{describe(data)}; {options.threads} threads, batch {batch_for(free_memory())}")
    by_plain: list[int] = []
    model.register_forward_hook(lambda module, inputs, logits: by_plain.append(len(logits)))

    start, began = time.process_time(), time.monotonic()
    with tqdm(total=len(images), unit=" images") as bar:
        accuracy = top1(model, images, labels, progress=lambda n: bar.update(n - bar.n))
    seconds = time.process_time() - start
    show("as the grader does it", seconds, time.monotonic() - began, len(images))
    print(f"  of these images {sum(by_plain):,} went through the plain network; {accuracy.correct:,} right")

    start, began = time.process_time(), time.monotonic()
    with tqdm(total=len(images), unit=" images") as bar, torch.inference_mode():
        classes = predict(
            model,
            lambda rows: normalised(images[rows]),
            len(images),
            BATCH_SIZE,
            progress=lambda n: bar.update(n - bar.n),
        )
    plain_seconds = time.process_time() - start
    show("the plain network alone", plain_seconds, time.monotonic() - began, len(images))
    right = int(np.sum(classes == labels))
    print(f"  {right:,} right; {plain_seconds / seconds:.2f} times the CPU time")
    if right != accuracy.correct:
        raise SystemExit("the counts differ")


def show(what: str, cpu: float, wall: float, images: int) -> None:
    """A line of figures."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{what}: {cpu:.1f} s CPU, {wall:.1f} s wall, {images / cpu:.0f} images/s of CPU, peak memory {peak:.0f} MB")


def trained(file: Path) -> nn.Module:
    """The classifier of a checkpoint of one's own."""
    state = torch.load(file, weights_only=True)["state_dict"]
    return classifier({name: tensor for name, tensor in state.items() if tensor.is_floating_point()})


def random_weights() -> nn.Module:
    """A classifier at the start of training."""
    torch.manual_seed(0)
    model = empty_classifier().to_empty(device="cpu")
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return model.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
