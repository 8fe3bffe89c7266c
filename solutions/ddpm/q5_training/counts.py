"""Counts and statistics of what the probes of q5 produced: an epoch of training, chains of sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from autograder.questions.noise.counts import axis_correlation, fourth_moment, row_correlation, slice_correlation
from autograder.questions.side_effects.counts import differing, rng_bytes
from autograder.questions.training import counts

from .probes import given_network

QUARTERS = 4  # in which the noise of a chain is measured, one after the other


def epoch_side_effects(
    produced: Mapping[str, Tensor], start: Tensor, images: Tensor, **inputs: Tensor | float
) -> dict[str, Tensor]:
    """See ``counts.side_effects``."""
    return counts.side_effects(produced, given_network, start, images)


def sampling_order(
    produced: Mapping[str, Tensor], shape: Tensor, schedule: Tensor, **inputs: Tensor
) -> dict[str, Tensor]:
    """What ``sample`` hands to the model, and the form of what it returns.

    Returns:
        ``steps``, ``odd_steps``, ``result_has_graph``, ``graphs_alive``: as produced.
        ``other_shapes``: how often x did not have the given shape.
        ``result_shape``: the shape of the result.
        ``schedule_changes``: how many entries of the schedule the call changed.
        ``gradients_off``, ``model_frozen``: 1 if the call left gradients switched off, in all code or of the model's parameters.
    """
    sizes = produced["x_sizes"]
    fitting = (sizes == shape).all(1) if sizes.shape[1:] == shape.shape else torch.zeros(len(sizes), dtype=torch.bool)
    return {
        **{name: produced[name] for name in ("steps", "odd_steps", "result_has_graph", "graphs_alive")},
        "other_shapes": (~fitting).sum(),
        "result_shape": torch.tensor(produced["result"].shape),
        "schedule_changes": differing(produced["schedule_after"], schedule),
        "gradients_off": (~produced["gradients_on"].bool()).long(),
        "model_frozen": (~produced["model_trains"].bool()).long(),
    }


def sampling_chain(
    produced: Mapping[str, Tensor],
    shape: Tensor,
    gain: Tensor,
    targets: Tensor,
    deviations: Tensor,
    **inputs: Tensor | int,
) -> dict[str, Tensor]:
    """The result of a chain whose steps have known means, and the noise of every step.

    Args:
        targets: the mean of the step from t, (T, w).
        deviations: of the noise in the step from t, (T,).

    Returns:
        ``steps_missing``: how many t the model was never asked about.
        ``x_0``: mean of the result over all but its last axis, (w,).
        ``x_0_spread``: the largest distance of an entry of the result from that; 0-d.
        ``noise_mean``, ``noise_deviation``, ``noise_fourth``: of what the steps from T − 1 to 1 add to their targets, in
            units of ``deviations``, and its standardised fourth moment, for each quarter of these steps, (4,); nan where
            a step is missing.
        ``noise_extremes``: the smallest and the largest deviation of the noise of one step, (2,).
        ``noise_scale``: the same as ``noise_deviation``. It has wider bounds, which tell mistakes apart.
    """
    result = produced["result"].view(shape.tolist())
    seen = dict(zip(produced["steps"].tolist(), produced["chain"].view(-1, *result.shape), strict=True))
    missing = [t for t in range(len(gain)) if t not in seen]
    unseen = torch.full_like(result, torch.nan)
    downwards = range(len(gain) - 1, 0, -1)
    means = targets[1:].flip(0).view(len(downwards), *[1] * (result.ndim - 1), -1)
    noise = torch.stack([seen.get(t - 1, unseen) for t in downwards]) - means
    noise = noise.flatten(1) / deviations[1:].flip(0)[:, None]
    quarters = noise.tensor_split(QUARTERS)
    deviation = torch.stack([z.std() for z in quarters])
    x_0 = result.reshape(-1, result.shape[-1]).mean(0)
    return {
        "steps_missing": torch.tensor(len(missing)),
        "x_0": x_0,
        "x_0_spread": (result - x_0).abs().max(),
        "noise_mean": torch.stack([z.mean() for z in quarters]),
        "noise_deviation": deviation,
        "noise_fourth": torch.stack([fourth_moment(z) for z in quarters]),
        "noise_extremes": torch.stack(noise.std(1).aminmax()),
        "noise_scale": deviation,
    }


def sampling_randomness(produced: Mapping[str, Tensor], gain: Tensor, **inputs: Tensor | int) -> dict[str, Tensor]:
    """Where the noise of ``sample`` comes from.

    Returns:
        ``start_mean``, ``start_deviation``, ``start_fourth``: of x_T; the last is its standardised fourth moment.
        ``start_correlation``, ``noise_correlation``: for every axis of the images, the correlation of neighbours along
            it, (axes,); of x_T, and the largest in size over all later x.
        ``start_alike``, ``noise_alike``: for every axis, the largest correlation of two slices of an image across it,
            (axes,); of x_T, and of what is new in the later x.
        ``steps_alike``: the largest correlation of an image with an image of an earlier x, of what is new in them.
        ``new_shares``: share of the variance of each x after x_T that cannot be told from those before it, (T − 1,).
        ``steps_without_noise``: how many x after x_T have next to no variance.
        ``steps_from_start``: how many of them are x_T itself.
        ``repeat_differs``, ``global_seed_differs``: in how many x a call with an equal generator gives another chain,
            and a call under another global seed.
        ``same_in_next_call``, ``same_by_other_seed``: how many x a second call with the same generator repeats, and a
            call with another generator.
        ``rng_bytes``: how many bytes of torch's global random state the calls changed.
    """
    first, following, again, other, elsewhere = (
        list(produced[name]) for name in ("first", "following", "again", "other", "elsewhere")
    )
    start, *later = first
    shares, new = new_parts(first, len(gain) - 1)
    return {
        "start_mean": start.mean(),
        "start_deviation": start.std(),
        "start_fourth": torch.nan_to_num(fourth_moment(start)),
        "start_correlation": axis_correlation([start]),
        "start_alike": slice_correlation([start]),
        "noise_correlation": axis_correlation(later or [start]),
        "noise_alike": slice_correlation(new[1:] or new),
        "new_shares": shares,
        "steps_alike": row_correlation(new),
        "steps_without_noise": torch.tensor(sum(float(x.std()) < 1e-3 for x in later)),
        "steps_from_start": len(later) - _different(later, [start] * len(later)),
        "repeat_differs": _different(first, again),
        "global_seed_differs": _different(first, elsewhere),
        "same_in_next_call": len(first) - _different(first, following),
        "same_by_other_seed": len(first) - _different(first, other),
        "rng_bytes": rng_bytes(produced),
    }


def _different(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """How many images of two chains differ by more than rounding; all, if the chains are not equally long."""
    pairs = zip(one, other) if len(one) == len(other) else ()
    return len(one) - torch.tensor(sum(bool((a - b).abs().max() <= 1e-3) for a, b in pairs))


def new_parts(images: Sequence[Tensor], count: int) -> tuple[Tensor, list[Tensor]]:
    """Of each image, what no weighted sum of those before explains, and for ``count`` after the first its share of the
    variance.

    Noise that was used before has the share 0, fresh noise 1, whatever the means of the steps are. An image that is
    missing counts as new: another test asks for the steps. What is rounding alone is 0.
    """
    rows = torch.stack([x.flatten() - x.mean() for x in images[: count + 1]]).double()
    shares = torch.ones(count, dtype=torch.float64)
    if not torch.isfinite(rows).all():
        return shares.fill_(torch.nan).to(images[0].dtype), [torch.zeros_like(x) for x in images[: count + 1]]
    products = rows @ rows.T / rows.shape[1]
    rounding = 1e-6 * products[0, 0]
    new = [rows[0]]
    for k in range(1, len(rows)):
        weights = torch.linalg.pinv(products[:k, :k], rtol=1e-9, hermitian=True) @ products[:k, k]
        left = rows[k] - weights @ rows[:k]
        shares[k - 1] = left.square().mean() / (products[k, k] + rounding).clamp(min=1e-30)
        new.append(left if shares[k - 1] > 1e-5 else torch.zeros_like(left))
    return shares.to(images[0].dtype), [row.to(images[0].dtype).view(images[0].shape) for row in new]
