"""The questions of the SimCLR assignment, in the order of its notebook."""

from autograder.questions.simclr import barlow_twins, nt_xent, nt_xent_euclidean

QUESTIONS = (nt_xent.QUESTION, barlow_twins.QUESTION, nt_xent_euclidean.QUESTION)
