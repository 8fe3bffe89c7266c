"""SimSiam's heads as tensors and functions, no ``nn`` layer (Chen and He 2020, section 3, "baseline settings")."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Layer(nn.Module):
    """A linear map, and a batch norm if ``norm``, with a scale and a shift of its own if ``affine``."""

    def __init__(self, inputs: int, outputs: int, norm: bool = True, affine: bool = True, relu: bool = True) -> None:
        super().__init__()
        self.norm, self.relu = norm, relu
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)
        self.gamma = nn.Parameter(torch.ones(outputs)) if norm and affine else None
        self.beta = nn.Parameter(torch.zeros(outputs)) if norm and affine else None
        if norm:
            self.register_buffer("running_mean", torch.zeros(outputs))
            self.register_buffer("variance", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight)
        if self.norm:
            x = F.batch_norm(x, self.running_mean, self.variance, self.gamma, self.beta, training=self.training)
        return x.clamp(min=0) if self.relu else x


class _Network(nn.Module):
    def __init__(self, encoder: nn.Module, width: int = 512, bottleneck: int = 128) -> None:
        super().__init__()
        self.encoder = encoder
        last = _Layer(width, width, affine=False, relu=False)
        self.projector = nn.Sequential(_Layer(encoder.width, width), _Layer(width, width), last)
        self.predictor = nn.Sequential(_Layer(width, bottleneck), _Layer(bottleneck, width, norm=False, relu=False))

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        z1, z2 = (self.projector(self.encoder(x)) for x in (x1, x2))
        return self.predictor(z1), self.predictor(z2), z1, z2


ORACLE = {"SimSiam": _Network}
