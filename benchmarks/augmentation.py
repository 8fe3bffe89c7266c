"""Views a second of SimCLR's distortions: image by image, by whole batches, by libraries.

    pip install -e '.[benchmarks]'
    python -m benchmarks.augmentation [--size 32] [--batch 256] [--device cpu] [--rounds 5]

Every way draws crop, flip, colours and grayscale anew for each image and ends in normalised float32 on the device; the
ways take turns. torchvision's v2 on a whole batch draws once for all of it, so it is listed only to show its price.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from benchmarks.plain import Pictures, pil_views
from benchmarks.training import Names, cifar10, solution

BATCHES = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=32, help="pixels of a view")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--device", default=None, help="default: the notebook's choice")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    names = solution(Path(tempfile.mkdtemp()), "cpu")
    if options.device:
        names["DEVICE"] = torch.device(options.device)
    images, labels = (part[: options.batch * BATCHES] for part in cifar10("train"))
    ways = all_ways(names, images, labels, options.size, options.batch)
    rates: dict[str, list[float]] = {title: [] for title in ways}
    for number in range(options.rounds + 1):
        for title, draw in ways.items():
            start = time.perf_counter()
            views = draw()
            if names["DEVICE"].type == "cuda":
                torch.cuda.synchronize()
            if number:  # the first round warms up
                rates[title].append(views / (time.perf_counter() - start))
    ours = statistics.median(rates["the notebook's, by batches"])
    print(
        f"{names['DEVICE'].type}, {torch.get_num_threads()} threads, batches of {options.batch}, {options.size} pixels"
    )
    for title, values in rates.items():
        rate = statistics.median(values)
        print(f"{title:46} {rate:9,.0f} views/s   {ours / rate:6.2f} times slower")


def all_ways(names: Names, images, labels, size: int, batch: int) -> dict[str, Callable[[], int]]:
    """Title -> a function that draws one view of every image and returns how many it drew."""
    device = names["DEVICE"]
    strength = names["HP"]["jitter_strength"]
    on_device = images.to(device).split(batch)

    def by_batches(draw: Callable) -> Callable[[], int]:
        return lambda: sum(len(draw(part)) for part in on_device)

    def one_by_one(transform: Callable, workers: int, pictures) -> Callable[[], int]:
        loader = DataLoader(
            pictures(images, labels, transform), batch, num_workers=workers, persistent_workers=workers > 0
        )
        return lambda: sum(len(x.to(device)) for x, _ in loader)

    of_one = names["simclr_transform"](size, strength, False)
    return {
        "the notebook's, by batches": by_batches(lambda x: names["draw_views"](x, size, strength)),
        "kornia, by batches": by_batches(kornia_views(names, size, strength)),
        "torchvision v2, one draw for the whole batch": by_batches(of_one),
        "torchvision v2, tensors one by one": lambda: sum(of_one(image).shape[0] // 3 for image in images),
        "torchvision, PIL images, two workers": one_by_one(pil_views(names, size), 2, Pictures),
    }


def kornia_views(names: Names, size: int, s: float) -> Callable:
    """The same steps with kornia's augmentations, which draw for each image of a batch."""
    import kornia.augmentation as K

    steps = torch.nn.Sequential(
        K.RandomResizedCrop((size, size), scale=(0.2, 1.0)),
        K.RandomHorizontalFlip(p=0.5),
        K.ColorJitter(0.8 * s, 0.8 * s, 0.8 * s, 0.2 * s, p=0.8),
        K.RandomGrayscale(p=0.2),
        K.Normalize(torch.tensor(names["MEAN"]), torch.tensor(names["STD"])),
    ).to(names["DEVICE"])
    return lambda images: steps(images.float() / 255)


if __name__ == "__main__":
    main()
