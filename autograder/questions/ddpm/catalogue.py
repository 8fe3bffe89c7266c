"""The questions of the DDPM assignment, in the order of its notebook."""

from autograder.questions.ddpm import cosine_schedule, denoising, guidance, linear_schedule, loss, noising, training

QUESTIONS = (
    linear_schedule.QUESTION,
    cosine_schedule.QUESTION,
    noising.QUESTION,
    denoising.QUESTION,
    loss.QUESTION,
    training.QUESTION,
    guidance.QUESTION,
)
