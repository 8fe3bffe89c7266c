"""Probes of the SimCLR assignment: all that runs beside student code. They drive it and return data; they know no answer."""

from autograder.questions.simclr.probes.augmentation import *  # noqa: F403
from autograder.questions.simclr.probes.encoder import *  # noqa: F403
from autograder.questions.simclr.probes.finetuning import *  # noqa: F403
from autograder.questions.simclr.probes.losses import *  # noqa: F403
from autograder.questions.simclr.probes.pictures import *  # noqa: F403
from autograder.questions.simclr.probes.training import *  # noqa: F403
