"""Question 5: one epoch of training, and sampling with the whole reverse chain."""

from __future__ import annotations

from collections.abc import Callable

import torch

from autograder.questions.model import Case, Close, Exact, Test, Within, variant
from autograder.questions.training.question import epoch_cases, mean_loss_test, parameters_test, side_effects_test

from ..probes import given_schedule, other_moments, other_shift, other_step
from . import counts, probes

PARAMETERS = 76  # of ``probes.given_network``

STEPS = 5  # of the chains whose noise is measured
# Name, β, shape of the images. About 25,000 entries: a standard error of 0.0045 for a deviation, 0.0064 for a mean.
_CHAINS = (
    ("T = 5, noise that grows with t", (0.1, 0.225, 0.35, 0.475, 0.6), (24, 2, 16, 32)),
    ("T = 5, rows of eight", (0.2, 0.3, 0.15, 0.2, 0.45), (3072, 8)),
)
# 512 entries at each step, as many as above in a quarter of the steps. A table of 200 steps ends before this chain does.
_LONG = ("more than 200 steps", 205, (0.001, 0.05), (8, 4, 16))
_GIVEN = ("T = 5, another reverse step", _CHAINS[0][1], _CHAINS[0][2])
_LONG_GIVEN = ("more than 200 steps, another reverse step", *_LONG[1:])
# Its ᾱ is 0.73 at the end: a start that is scaled by it shows.
_RANDOMNESS = ("T = 5, little noise", (0.02, 0.04, 0.06, 0.08, 0.1), (24, 2, 16, 32))
_RANDOMNESS_GIVEN = ("T = 5, little noise, another reverse step", *_RANDOMNESS[1:])
_ORDERS = (
    ("T = 6, three images", (0.05, 0.1, 0.15, 0.2, 0.25, 0.3), (3, 1, 5, 4)),
    ("T = 2, two images", (0.2, 0.3), (2, 3, 4, 4)),
    ("T = 4, rows of five", (0.4, 0.3, 0.2, 0.1), (4, 5)),
)


def _known_chain(betas: tuple[float, ...], shape: tuple[int, ...], targets: torch.Tensor) -> dict:
    """Schedule and model for which the mean of the step from t is ``targets[t]``, (T, last entry of ``shape``).

    With g = √(1 − ᾱ) / β and o = √α c, the mean (x − β / √(1 − ᾱ) · g (x − o)) / √α is c.
    """
    beta = torch.tensor(betas, dtype=torch.float64)
    alpha_bar = torch.cumprod(1 - beta, 0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    return {
        "shape": torch.tensor(shape),
        "schedule": torch.stack([beta, 1 - beta, alpha_bar, beta * (1 - before) / (1 - alpha_bar)]).float(),
        "gain": ((1 - alpha_bar).sqrt() / beta).float(),
        "offset": ((1 - beta).sqrt()[:, None] * targets).float(),
    }


def _measured_chain(betas: tuple[float, ...], shape: tuple[int, ...], targets: torch.Tensor) -> dict:
    """The same with the means and the deviations of its steps, (T, w) and (T,)."""
    deviations = torch.tensor(betas, dtype=torch.float64).sqrt().float()
    return {**_known_chain(betas, shape, targets), "targets": targets, "deviations": deviations}


def _given_chain(betas: tuple[float, ...], shape: tuple[int, ...], offset: torch.Tensor) -> dict:
    """The same for ``other_step``, which adds what the model predicts, −(x − o), to x."""
    chain = _known_chain(betas, shape, offset)
    schedule = given_schedule(chain["schedule"])
    t = torch.arange(len(betas))
    moves = {"gain": -torch.ones(len(betas)), "offset": offset, "targets": offset + other_shift(offset, t, schedule)}
    return {**chain, **moves, "deviations": (0.25 + schedule.beta).sqrt()}


def draw(generator: torch.Generator) -> tuple[Case, ...]:
    """Few images, with a last batch that is smaller than the others, or none; chains with known means."""

    def epoch(n: int, batch_size: int) -> dict:
        return {
            "images": torch.randn(n, 2, 2, 2, generator=generator),
            "labels": torch.randint(5, (n,), generator=generator),
            "start": 0.5 * torch.randn(PARAMETERS, generator=generator),
            "batch_size": batch_size,
        }

    def targets(betas: tuple[float, ...], shape: tuple[int, ...]) -> torch.Tensor:
        return 2 * torch.randn(len(betas), shape[-1], generator=generator)

    def seed() -> int:
        return int(torch.randint(1, 2**31, (), generator=generator))

    def chain(name: str, betas: tuple[float, ...], shape: tuple[int, ...], of: Callable[..., dict]) -> Case:
        means = targets(betas, shape)
        return Case(name, {**of(betas, shape, means), "seed": seed()})

    def long(name: str, T: int, ends: tuple[float, float], shape: tuple[int, ...], of: Callable[..., dict]) -> Case:
        T += int(torch.randint(20, (), generator=generator))
        return chain(name, tuple(torch.linspace(*ends, T).tolist()), shape, of)

    def still(name: str, betas: tuple[float, ...], shape: tuple[int, ...], of: Callable[..., dict]) -> Case:
        """A chain whose steps have means of 0 and, for another reverse step, of ``other_shift``."""
        known = of(betas, shape, torch.zeros(STEPS, shape[-1]))
        measured = {name: value for name, value in known.items() if name not in ("targets", "deviations")}
        return Case(name, {**measured, "offset": torch.zeros(STEPS, shape[-1]), "seed": seed()})

    return (
        *epoch_cases(epoch),
        Case("eight batches, a model in eval mode", epoch(16, 2)),
        *(Case(name, _known_chain(betas, shape, targets(betas, shape))) for name, betas, shape in _ORDERS),
        *(chain(*row, _measured_chain) for row in _CHAINS),
        still(*_RANDOMNESS, _measured_chain),
        long(*_LONG, _measured_chain),
        chain(*_GIVEN, _given_chain),
        long(*_LONG_GIVEN, _given_chain),
        still(*_RANDOMNESS_GIVEN, _given_chain),
    )


_AT_WORK = ("mean_loss", "parameters", "chain")  # chains of noise and lists of steps can be made without a model
_NOISE = "the noise of your steps on the way"
_ALIKE = "Some images, channels, rows or columns of {} share their noise; draw every entry on its own"
_ORDER_OUTPUTS = {
    "odd_steps": Exact(advice="You do not give the model t as an int64 tensor of shape (n,)"),
    "steps": Exact(
        advice="You do not ask the model about every t from T − 1 down to 0, once each",
        what="the list of your steps",
    ),
    "other_shapes": Exact(advice="You give the model images of another shape than the given one"),
    "result_shape": Exact(advice="Your result does not have the given shape", what="the shape of your result"),
    "result_has_graph": Exact(advice="Your result requires gradients: sampling needs none"),
    # Cutting the graph at every step leaves the one of the step before in memory, at most.
    "graphs_alive": Within(-0.5, 2.5, advice="The graphs of earlier steps stay in memory: sampling needs none"),
    "schedule_changes": Exact(advice="You change the given schedule in place"),
    "gradients_off": Exact(advice="When sample has returned, gradients are still switched off"),
    "model_frozen": Exact(advice="When sample has returned, the model's parameters no longer require gradients"),
}
_CHAIN_OUTPUTS = {
    "steps_missing": Exact(advice="You do not ask the model about every t from T − 1 to 0"),
    "x_0": Close(
        1e-3,
        advice="Your result is not what the reverse steps lead to: look at p_sample, and at what follows the loop",
        what="your result",
    ),
    "x_0_spread": Close(0.0, 1e-3, advice="Your result of the last step holds noise"),
    "noise_mean": Within(
        -0.06,
        0.06,
        (counts.QUARTERS,),
        advice="Your steps on the way do not lead to the mean of the reverse step",
        what=_NOISE,
    ),
    "noise_deviation": Within(
        0.96,
        1.04,
        (counts.QUARTERS,),
        advice="The noise of your steps on the way does not have the standard deviation √β",
        what=_NOISE,
    ),
    "noise_extremes": Within(
        0.78, 1.22, (2,), advice="The noise of one of your steps does not have the standard deviation √β", what=_NOISE
    ),
    "noise_fourth": Within(
        2.75,
        3.25,
        (counts.QUARTERS,),
        advice="The noise of your steps on the way is not normally distributed",
        what=_NOISE,
    ),
    # Wider bounds: they tell missing noise, noise scaled by the variance and the posterior's noise apart.
    "noise_scale": Within(0.52, 2.0, (counts.QUARTERS,), what=_NOISE),
}
_RANDOMNESS_OUTPUTS = {
    "start_mean": Within(-0.06, 0.06, advice="Your chain does not start from noise of mean 0", what="your x_T"),
    "start_deviation": Within(0.96, 1.04, advice="Your chain does not start from noise of standard deviation 1"),
    "start_fourth": Within(2.75, 3.25, advice="Your chain does not start from a normal distribution"),
    "start_correlation": Within(-0.08, 0.08, (4,), advice="Some entries of x_T, or whole images, share their noise"),
    "start_alike": Within(-0.25, 0.25, (4,), advice=_ALIKE.format("x_T")),
    "noise_correlation": Within(
        -0.08, 0.08, (4,), advice="Some entries of the noise of a step, or whole images, share their noise"
    ),
    "noise_alike": Within(-0.25, 0.25, (4,), advice=_ALIKE.format("a step")),
    "steps_without_noise": Exact(advice="One of your steps before the last adds no noise"),
    "steps_from_start": Exact(advice="You give the model x_T again after the first step"),
    "new_shares": Within(
        1e-5,
        1.01,
        (STEPS - 1,),
        advice="One of your steps adds noise that was in the chain before",
        what="the noise of your steps",
    ),
    "steps_alike": Within(
        -0.25, 0.25, advice="Images of one step get the noise that another image had in an earlier step; draw it anew"
    ),
    "repeat_differs": Exact(advice="A generator with the same seed gives other images: you draw some noise elsewhere"),
    "global_seed_differs": Exact(advice="Your images depend on torch's global seed"),
    "same_in_next_call": Exact(advice="A second call with the same generator repeats noise of the first"),
    "same_by_other_seed": Exact(advice="A generator with another seed gives the same noise"),
    "rng_bytes": Exact(advice="You seed torch's global random generator or draw from it"),
}


_ORDER = Test(
    "order",
    "sample asks the model about T − 1 … 0, without gradients",
    probes.sampling_order,
    tuple(row[0] for row in _ORDERS),
    _ORDER_OUTPUTS,
    count=counts.sampling_order,
    needs=_AT_WORK,
)
_CHAIN = Test(
    "chain",
    "sample goes from x_T to x_0 by the reverse step",
    probes.sampling_chain,
    (*(row[0] for row in _CHAINS), _LONG[0]),
    _CHAIN_OUTPUTS,
    count=counts.sampling_chain,
    kept=("targets", "deviations"),
)
_NOISE = Test(
    "randomness",
    "sample starts from N(0, 1) and draws fresh noise from the generator",
    probes.sampling_randomness,
    _RANDOMNESS[:1],
    _RANDOMNESS_OUTPUTS,
    count=counts.sampling_randomness,
    needs=_AT_WORK,
)
_OTHER_STEP = {"after": ("q3",), "stand_ins": {"p_sample": other_step, "p_mean_variance": other_moments}}

STUBS = ("train_one_epoch", "sample")
TESTS = (
    mean_loss_test(probes.epoch_mean_loss),
    parameters_test(probes.epoch_parameters),
    side_effects_test(probes.epoch_side_effects, counts.epoch_side_effects, ("eight batches, a model in eval mode",)),
    _ORDER,
    variant(
        _ORDER,
        "order_given",
        "sample takes all steps in their order: it was given another reverse step in the place of yours.",
        **_OTHER_STEP,
    ),
    _CHAIN,
    variant(
        _CHAIN,
        "chain_given",
        "sample is correct: it was given another reverse step in the place of yours.",
        cases=(_GIVEN[0], _LONG_GIVEN[0]),
        **_OTHER_STEP,
    ),
    _NOISE,
    variant(
        _NOISE,
        "randomness_given",
        "sample draws fresh noise from the generator: it was given another reverse step in the place of yours.",
        cases=_RANDOMNESS_GIVEN[:1],
        **_OTHER_STEP,
    ),
)
