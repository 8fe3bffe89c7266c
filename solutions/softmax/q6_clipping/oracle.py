"""Clipping by its definition: both gradients as one long vector."""

import math

import numpy as np


def clip_gradients(grad_W, grad_b, max_norm):
    norm = math.sqrt(math.fsum(x * x for grad in (grad_W, grad_b) for x in grad.ravel().tolist()))
    scale = min(1.0, max_norm / norm) if norm else 1.0
    return tuple(np.array([scale * x for x in grad.ravel().tolist()]).reshape(grad.shape) for grad in (grad_W, grad_b))


ORACLE = {"clip_gradients": clip_gradients}
