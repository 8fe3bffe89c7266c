"""Probes of the DDPM assignment: all that runs beside student code. They drive it and return data; they know no answer."""

from autograder.questions.ddpm.probes.denoising import *  # noqa: F403
from autograder.questions.ddpm.probes.guidance import *  # noqa: F403
from autograder.questions.ddpm.probes.losses import *  # noqa: F403
from autograder.questions.ddpm.probes.noising import *  # noqa: F403
from autograder.questions.ddpm.probes.sampling import *  # noqa: F403
from autograder.questions.ddpm.probes.schedules import *  # noqa: F403
from autograder.questions.ddpm.probes.training import *  # noqa: F403
