"""The Bernoulli log-likelihood, one pixel at a time, by the side of zero on which its logit lies."""

import torch


def log_likelihood_bernoulli(logits, x) -> torch.Tensor:
    r"""$\sum x \log \sigma(l) + (1 - x) \log(1 - \sigma(l))$ over all but the first axis, (n,)."""
    rows = []
    for row, pixels in zip(logits.flatten(1), x.flatten(1), strict=True):
        total = 0.0
        for logit, pixel in zip(row, pixels, strict=True):
            tail = torch.log1p(torch.exp(-logit.abs()))  # -log of the larger of the two probabilities
            white, black = (-tail, -logit - tail) if logit > 0 else (logit - tail, -tail)
            total = total + pixel * white + (1 - pixel) * black
        rows.append(total)
    return torch.stack(rows)


ORACLE = {"log_likelihood_bernoulli": log_likelihood_bernoulli}
