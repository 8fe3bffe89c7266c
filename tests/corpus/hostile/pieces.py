"""Cells that several attacks are built of. They run in the student's process only."""

from __future__ import annotations

# Try a thing; whatever it raises is of no interest.
ATTEMPT = r"""
def attempt(action, *arguments, **options):
    try:
        return action(*arguments, **options)
    except BaseException:
        return None
"""

# Functions that answer, in the right form, nothing of what is asked.
WRONG = r"""
import torch

def nt_xent(z_i, z_j, temperature):
    return (z_i * z_j).sum() * 0

barlow_twins = nt_xent_euclidean = nt_xent
"""

# Functions that run ``during()`` at each call, before they answer wrongly.
WRONG_DURING = r"""
import torch

def nt_xent(z_i, z_j, temperature):
    during()
    return (z_i * z_j).sum() * 0

barlow_twins = nt_xent_euclidean = nt_xent
"""

# Functions that run ``during()`` at a single question: the one of one row without gradients in the last of the three.
# What takes its time is to take it once: the point is made, and the tests stay quick.
WRONG_ONCE = r"""
import torch

def nt_xent(z_i, z_j, temperature):
    return (z_i * z_j).sum() * 0

barlow_twins = nt_xent

def nt_xent_euclidean(z_i, z_j, temperature):
    if z_i.shape[0] == 1 and not z_i.requires_grad:
        during()
    return (z_i * z_j).sum() * 0
"""

# A value and gradients that somebody else computed, dressed as the answer of a loss.
GIVEN = r"""
import torch

class Given(torch.autograd.Function):
    @staticmethod
    def forward(context, a, b, value, to_a, to_b):
        context.save_for_backward(to_a, to_b)
        return value.detach().to(a.dtype).clone().reshape(())

    @staticmethod
    def backward(context, outer):
        to_a, to_b = context.saved_tensors
        return outer * to_a.to(outer.dtype), outer * to_b.to(outer.dtype), None, None, None
"""

# Answers from a stolen answer key. ``take(bytes, where)`` keeps what it recognises.
KEY_THIEF = (
    GIVEN
    + r"""
import json, struct

loot, known = [], []

def take(data, where):
    # An answer key is a safetensors file with its structure in the metadata.
    if not data or b"gradient_a" not in data or b"__metadata__" not in data[:100]:
        return
    from safetensors.torch import load
    (length,) = struct.unpack_from("<Q", data)
    index = json.loads(json.loads(data[8:8 + length])["__metadata__"]["kit"])
    loot.append(str(where))  # not before: what looks like a key may be these very lines
    tensors = load(bytes(data))
    for test in index["tests"]:
        for case in test["cases"]:
            stored = {part: {name: tensors[key] for name, key in case[part].items()} for part in ("inputs", "reference")}
            known.append((test["question"], stored["inputs"], case["scalars"]["parameter"], stored["reference"]))

def stolen(question):
    def function(a, b, parameter):
        found = {}
        for asked, inputs, scalar, reference in known:
            if asked != question or scalar != parameter or inputs["a"].shape != a.shape:
                continue
            for turned in (lambda x: x, lambda x: x.flip(1)):  # a loss of two calls: the second has its columns reversed
                if turned(inputs["a"]).eq(a).all() and turned(inputs["b"]).eq(b).all():
                    found.update({name: turned(x) if x.shape == a.shape else x for name, x in reference.items()})
        if not known:
            raise LookupError("there was nothing to steal")
        # What is compared with itself has no reference: any number that depends on the inputs.
        value = found.get("value", a.sum() + b.sum())
        gradients = [found.get(name, torch.zeros_like(a)) for name in ("gradient_a", "gradient_b")]
        return Given.apply(a, b, value, *gradients)
    return function

nt_xent, barlow_twins, nt_xent_euclidean = map(stolen, ("q1a", "q1b", "q1c"))
"""
)

# Answers from a pool of tensors that lie about: the first number, and gradients of the right shape.
# ``pool()`` is defined by the attack and returns tensors that it came by.
POOL_THIEF = (
    GIVEN
    + r"""
def guess(a, b, parameter):
    mine, numbers, gradients = {id(a), id(b)}, [], []
    for tensor in pool():
        if id(tensor) in mine or not tensor.is_floating_point() or tensor.requires_grad or tensor.device != a.device:
            continue
        if tensor.ndim == 0:
            numbers.append(tensor)
        elif tensor.shape == a.shape and not tensor.to(a.dtype).eq(a).all() and not tensor.to(a.dtype).eq(b).all():
            gradients.append(tensor)
    if not numbers and not gradients:
        raise LookupError("there was nothing to steal")
    value = numbers[-1] if numbers else torch.zeros(())
    to_a, to_b = (gradients[-2:] + [torch.zeros_like(a)] * 2)[:2]
    return Given.apply(a, b, value, to_a, to_b)

nt_xent = barlow_twins = nt_xent_euclidean = guess
"""
)
