"""The negative log-likelihood of pairs, one row at a time, with sums of exponentials of differences."""

import torch


def pair_nll_loss(z_i, z_j, same, temperature) -> torch.Tensor:
    r"""With $p_k = e^{s_{kk}} / \sum_l e^{s_{kl}}$, $s_{kl} = z_i^k \cdot z_j^l / \tau$: the mean of $-\log p_k$ where same, and of
    $-\log (1 - p_k) = \log \sum_l e^{s_{kl}} - \log \sum_{l \ne k} e^{s_{kl}}$ where not."""
    total = 0.0
    for k, (row, together) in enumerate(zip(z_i, same.tolist(), strict=True)):
        scores = [sum(a * b for a, b in zip(row, column, strict=True)) / temperature for column in z_j]
        chosen = [scores[k]] if together else [score for other, score in enumerate(scores) if other != k]
        total = total + _log_of_the_sum(scores) - _log_of_the_sum(chosen)
    return total / len(z_i)


def _log_of_the_sum(scores) -> torch.Tensor:
    largest = max(score.item() for score in scores)
    return largest + torch.log(sum(torch.exp(score - largest) for score in scores))


ORACLE = {"pair_nll_loss": pair_nll_loss}
