"""Wrong linear schedules, each a small change of a correct one, and mistakes that any schedule can hold."""

from __future__ import annotations

from autograder.questions.edits import edit, misconceptions
from autograder.questions.side_effects import mistakes as side_effects

from .correct import linspace_and_cumprod

_BEFORE_FIRST = "Before the first step nothing is noised: look at which ᾱ you use for step 0, and at the first β̃."
_ALPHA_BAR = "torch.cumprod(alpha, dim=0)"
_PREVIOUS = "F.pad(alpha_bar[:-1], (1, 0), value=1.0)"
_RESULT = "Schedule(beta, alpha, alpha_bar, posterior)"

# These change the lines that the correct schedules of questions 1a and 1b share.
POSTERIOR_EDITS = (
    edit("posterior starts with beta", _BEFORE_FIRST, _PREVIOUS, "torch.cat([alpha_bar[:1], alpha_bar[:-1]])"),
    edit("posterior padded with zero", _BEFORE_FIRST, "value=1.0", "value=0.0"),
    edit("posterior rolled",
         "At the first step you take ᾱ_{t−1} from the end of the array; look at what roll or the index −1 gives there.",
         _PREVIOUS, "alpha_bar.roll(1)"),
    edit("posterior is beta",
         "Your posterior variance is β itself: you leave out ᾱ of the step before, or use ᾱ of the same step for it.",
         "alpha_bar, posterior)", "alpha_bar, beta)"),
    edit("posterior with the next step",
         "The numerator of your posterior variance uses the step after t; use the step before.",
         _PREVIOUS, "torch.cat([alpha_bar[1:], alpha_bar[-1:]])"),
    edit("posterior upside down",
         "The fraction of your posterior variance is upside down, so the first step divides by 0.",
         "(1.0 - previous) / (1.0 - alpha_bar)", "(1.0 - alpha_bar) / (1.0 - previous)"),
    edit("posterior without beta",
         "The factor β_t is missing from your posterior variance.",
         "beta * (1.0 - previous)", "(1.0 - previous)"),
    edit("posterior with alpha",
         "The factor of your posterior variance is α_t; it is β_t.",
         "beta * (1.0 - previous)", "alpha * (1.0 - previous)"),
    edit("posterior rooted",
         "You return the standard deviation of the posterior; return its variance.",
         "alpha_bar, posterior)", "alpha_bar, posterior.sqrt())"),
    edit("posterior of alpha",
         "Where the posterior variance needs 1 − ᾱ, you use 1 − α of a single step.",
         "F.pad(alpha_bar[", "F.pad(alpha[", "(1.0 - alpha_bar)", "(1.0 - alpha)"),
    edit("posterior of alpha bar itself",
         "You divide the ᾱ themselves in the posterior variance; it is a ratio of two 1 − ᾱ.",
         "(1.0 - previous) / (1.0 - alpha_bar)", "previous / alpha_bar"),
    edit("posterior with a root",
         "Your posterior variance holds a root of ᾱ, which belongs to the posterior mean.",
         "beta * (1.0 - previous)", "beta * previous.sqrt() * (1.0 - previous)"),
    edit("posterior of the second step first",
         "You replace the first posterior variance by the second, which is done for its logarithm only; here it is 0.",
         "alpha_bar, posterior)", "alpha_bar, torch.cat([posterior[1:2], posterior[1:]]))"),
    edit("posterior in logarithms",
         "You return the logarithm of the posterior variance; return the variance itself.",
         "alpha_bar, posterior)", "alpha_bar, posterior.clamp(min=1e-20).log())"),
)  # fmt: skip

BAR_EDITS = (
    edit("alpha bar by sum", "You build ᾱ by sums of α; it is a running product.", _ALPHA_BAR, "alpha.cumsum(0)"),
    edit("alpha bar from summed beta",
         "You take ᾱ as 1 − Σβ, which holds for tiny β alone; it is the running product of the α.",
         _ALPHA_BAR, "1 - beta.cumsum(0)"),
    edit("alpha bar by power",
         "You take ᾱ_t as a power of α_t; the α differ from step to step, and each enters once.",
         _ALPHA_BAR, "alpha ** torch.arange(1, T + 1)"),
    edit("alpha bar is alpha", "Your ᾱ equals α; it should gather all the steps up to t.", _ALPHA_BAR, "alpha"),
    edit("alpha bar of beta",
         "Your ᾱ is a product of the β; it is the product of the α, the part that is kept.",
         _ALPHA_BAR, "beta.cumprod(0)"),
    edit("alpha bar of one minus product",
         "What you call ᾱ is 1 − ᾱ, the variance of the noise.",
         _ALPHA_BAR, "1 - alpha.cumprod(0)"),
    edit("alpha bar shifted",
         "Your ᾱ is one step behind: at index t it should hold the product with α_t included.",
         _ALPHA_BAR, "torch.cat([alpha.new_ones(1), alpha.cumprod(0)[:-1]])"),
    edit("alpha bar ahead",
         "Your ᾱ is one step ahead: at index t the product ends with α_t.",
         _ALPHA_BAR, "torch.cat([alpha.cumprod(0)[1:], alpha.prod().unsqueeze(0)])"),
    edit("alpha bar rooted",
         "You return the root of ᾱ; roots belong where an image is noised.",
         _ALPHA_BAR, "alpha.cumprod(0).sqrt()"),
    edit("alpha bar from the end",
         "Your ᾱ gathers the steps from t to the end; it should gather those from the first one to t.",
         _ALPHA_BAR, "alpha.flip(0).cumprod(0).flip(0)"),
)  # fmt: skip

FLOAT64 = edit("float64 schedule", "Return the schedule in float32; some of it has another dtype.",
               _RESULT, "[part.double() for part in (beta, alpha, alpha_bar, posterior)]")  # fmt: skip

_BETA = "torch.linspace(beta_start, beta_end, T)"
_ENDS = "β should start at beta_start and end at beta_end, both included, in T values."
_RANGE = "β does not follow the arguments beta_start and beta_end: you use a number where one of them belongs."
_ONE_STEP = "With a single step your spacing divides by T − 1 = 0."

_BETA_EDITS = (
    edit("beta end excluded", _ENDS, _BETA, "torch.linspace(beta_start, beta_end, T + 1)[:-1]"),
    edit("beta start excluded", _ENDS, _BETA, "torch.linspace(beta_start, beta_end, T + 1)[1:]"),
    edit("both ends excluded", _ENDS, _BETA, "torch.linspace(beta_start, beta_end, T + 2)[1:-1]"),
    edit("T plus one steps",
         "A tensor of your schedule has one entry too many: it has T entries, and index 0 is step 1.",
         "beta_end, T)", "beta_end, T + 1)"),
    edit("roots evenly spaced",
         "You space the roots of β evenly, as latent diffusion does; here β itself is linear.",
         _BETA, "torch.linspace(beta_start**0.5, beta_end**0.5, T) ** 2"),
    edit("logarithms evenly spaced",
         "You space the logarithms of β evenly; here β itself is linear.",
         _BETA, "torch.logspace(np.log10(beta_start), np.log10(beta_end), T)"),
    edit("beta scaled by a thousand over T",
         "You multiply β by 1000/T; take the range as it is given, whatever T is.",
         _BETA, f"{_BETA} * 1000 / T"),
    edit("beta scaled by a thousand over T and clipped",
         "You multiply β by 1000/T; take the range as it is given, whatever T is.",
         _BETA, f"({_BETA} * 1000 / T).clamp(max=0.999)"),
    edit("both beta arguments ignored", _RANGE, _BETA, "torch.linspace(1e-4, 0.02, T)"),
    edit("beta_end ignored", _RANGE, _BETA, "torch.linspace(beta_start, 0.02, T)"),
    edit("beta_start ignored", _RANGE, _BETA, "torch.linspace(1e-4, beta_end, T)"),
    edit("ends exchanged",
         "Your β falls from beta_end to beta_start; noise should grow with the steps.",
         _BETA, "torch.linspace(beta_end, beta_start, T)"),
    edit("beta capped at a half",
         "You cap β at 0.5; the ends of the range may be anything.",
         _BETA, "torch.linspace(beta_start, beta_end, T).clamp(max=0.5)"),
    edit("first T of a thousand",
         "You take the first T of 1000 values; spread the range over T steps.",
         _BETA, "torch.linspace(beta_start, beta_end, 1000)[:T]"),
    edit("another default",
         "Without arguments β should end at 0.02; look at the default.",
         "beta_end=0.02", "beta_end=0.2"),
    edit("one step divides by zero", _ONE_STEP,
         _BETA, "beta_start + (beta_end - beta_start) * torch.arange(T) / (T - 1)"),
    edit("one step raises", _ONE_STEP,
         _BETA, "torch.tensor([beta_start + (beta_end - beta_start) / (T - 1) * t for t in range(T)])"),
)  # fmt: skip

_OTHER_EDITS = (
    edit("alpha rooted",
         "You take the root of α; it is 1 − β, and the root belongs where an image is noised.",
         "1.0 - beta\n", "(1.0 - beta).sqrt()\n"),
    edit("alpha of squared beta", "You square β in α; β is a variance already.", "1.0 - beta\n", "1.0 - beta**2\n"),
    edit("alpha and alpha bar exchanged",
         "You return α and ᾱ in each other's place.",
         _RESULT, "Schedule(beta, alpha_bar, alpha, posterior)"),
    FLOAT64,
)  # fmt: skip

# In the test of the posterior alone, a wrong β̃ cannot be told from the same β̃ that follows from a wrong ᾱ: it goes first.
MISCONCEPTIONS = (
    *misconceptions(
        "noise_schedule", linspace_and_cumprod, (*POSTERIOR_EDITS, *BAR_EDITS, *_BETA_EDITS, *_OTHER_EDITS)
    ),
    *side_effects.misconceptions(
        "noise_schedule",
        {"noise_schedule": linspace_and_cumprod},
        {"sets the default dtype": "default dtype", "seeds": "seeds"},
    ),
)
