"""Correct clippings in the styles that people write: each must earn all points."""

import math

import numpy as np


def joint(grad_W, grad_b, max_norm):
    """The plain form: ``mistakes`` are changes of it."""
    norm = np.sqrt(np.sum(grad_W**2) + np.sum(grad_b**2))
    scale = 1.0 if norm <= max_norm else max_norm / norm
    return scale * grad_W, scale * grad_b


def one_vector(grad_W, grad_b, max_norm):
    both = np.concatenate([grad_W.ravel(), grad_b.ravel()])
    size = np.linalg.norm(both)
    if size > max_norm:
        both = both * (max_norm / size)
    return both[: grad_W.size].reshape(grad_W.shape), both[grad_W.size :].reshape(grad_b.shape)


def as_in_torch(grad_W, grad_b, max_norm):
    """A small number in the quotient, as in torch.nn.utils.clip_grad_norm_."""
    norm = np.hypot(np.linalg.norm(grad_W), np.linalg.norm(grad_b))
    factor = min(1.0, max_norm / (norm + 1e-6))
    return grad_W * factor, grad_b * factor


def divided(grad_W, grad_b, max_norm):
    norm = math.sqrt(sum(float(np.vdot(g, g)) for g in (grad_W, grad_b)))
    return [g.copy() / max(1.0, norm / max_norm) for g in (grad_W, grad_b)]


def of_all_numbers(grad_W, grad_b, max_norm):
    size = math.hypot(*grad_W.flat, *grad_b.flat)
    factor = np.divide(max_norm, size, out=np.array(1.0), where=size > max_norm)
    return np.multiply(grad_W, factor), np.multiply(factor, grad_b)


CORRECT = {f.__name__: {"clip_gradients": f} for f in (joint, one_vector, as_in_torch, divided, of_all_numbers)}
