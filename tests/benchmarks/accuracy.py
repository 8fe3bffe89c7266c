"""q6 on the whole test set: ``python tests/benchmarks/accuracy.py``. Prints images per second and peak memory.

Measured in one process, as the grader does it, with a checkpoint of random weights: speed does not depend on them.
"""

from __future__ import annotations

import resource
import time

import torch
from tqdm import tqdm

from autograder.datasets import describe, find_data
from autograder.engine.accuracy import top1
from autograder.engine.checkpoint import classifier, empty_classifier


def main() -> None:
    data = find_data("cifar10", None)
    if data is None:
        raise SystemExit("no CIFAR-10 found: python -m data_scripts cifar10")
    state = {
        name: torch.randn(t.shape) * 0.02
        for name, t in empty_classifier().state_dict().items()
        if t.is_floating_point()
    }
    state = {name: t.abs() + 0.5 if name.endswith("running_var") else t for name, t in state.items()}
    start = time.monotonic()
    with tqdm(total=data.counts["test"], unit=" images") as bar:
        accuracy = top1(
            classifier(state), data.images("test"), data.labels("test"), progress=lambda n: bar.update(n - bar.n)
        )
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(describe(data))
    rate = f"{accuracy.total / seconds:.0f} images/s on {torch.get_num_threads()} threads"
    print(f"{accuracy.total:,} images in {seconds:.1f} s: {rate}, peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()
