"""The questions of the SimCLR assignment, in the order of its notebook."""

from autograder.questions.simclr import (
    augmentation,
    barlow_twins,
    encoder,
    finetuning,
    nt_xent,
    nt_xent_euclidean,
    training,
)

QUESTIONS = (
    nt_xent.QUESTION,
    barlow_twins.QUESTION,
    nt_xent_euclidean.QUESTION,
    encoder.QUESTION,
    augmentation.QUESTION,
    training.QUESTION,
    finetuning.QUESTION,
)
