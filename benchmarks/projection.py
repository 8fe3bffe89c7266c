"""What a profile's training costs in operations, and how long GPUs would take: a projection, not a measurement.

    python -m benchmarks.projection [--profile gpu] [--share 0.3]

The operations of one training step are counted by torch.utils.flop_counter; a GPU is taken to reach ``--share`` of the peak
that its maker states for dense half-precision matrix products. ``./kit train simclr --profile gpu`` prints measured minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import Names, solution

# TFLOP/s by the makers' data sheets, in what the notebook computes in: dense bfloat16, on the T4 float16.
PEAKS = {"T4": 65, "L4": 121, "A100": 312, "H100": 989}
IMAGES = 50_000
COUNTED = 4  # images of the step that is counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="gpu")
    parser.add_argument("--share", type=float, default=0.3, help="of the peak that training reaches (default: 0.3)")
    options = parser.parse_args()
    names = solution(Path(tempfile.mkdtemp()), options.profile, plain=True)
    parts = operations(names)
    for part, count in parts.items():
        print(f"{part:14} {count / 1e15:8.2f} PFLOP")
    print(f"projected minutes at {options.share:.0%} of the peak")
    for gpu, peak in PEAKS.items():
        minutes = {part: count / (options.share * peak * 1e12) / 60 for part, count in parts.items()}
        shown = ", ".join(f"{part} {value:.1f}" for part, value in minutes.items())
        print(f"{gpu:5} {peak:4} TFLOP/s  {sum(minutes.values()):7.1f}  ({shown})")


def operations(names: Names) -> dict[str, float]:
    """Floating-point operations (a product and a sum count as two) of pre-training and of fine-tuning."""
    table = names["HP"]
    simclr = names["SimCLR"](table["projection_dim"])
    classifier = names["Classifier"](names["SimCLR"](table["projection_dim"]), table["num_classes"])
    images = min(table["pretrain_images"], IMAGES)
    pretraining = 2 * images * table["pretrain_epochs"] * of_a_step(simclr, table["view_size"])
    finetuning = 0
    for size, epochs, frozen in table["finetune_stages"]:
        names["freeze"](classifier, frozen)
        finetuning += epochs * IMAGES * of_a_step(classifier, size)
    return {"pre-training": pretraining, "fine-tuning": finetuning}


def of_a_step(model: torch.nn.Module, size: int) -> float:
    """Operations of forward and backward pass for one image."""
    with FlopCounterMode(display=False) as counter:
        outputs = model(torch.zeros(COUNTED, 3, size, size))
        (outputs[1] if isinstance(outputs, tuple) else outputs).sum().backward()
    return counter.get_total_flops() / COUNTED


if __name__ == "__main__":
    main()
