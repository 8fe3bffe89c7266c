"""ResNet-18 for 32 x 32 images and the SimCLR head, as a table and functions: no torchvision, no ``nn`` layer.

He et al., *Deep residual learning for image recognition* (2015), table 1 and figure 5 left, with the stem of Chen et
al., *A simple framework for contrastive learning* (2020), appendix B.9: a 3 x 3 convolution of stride 1, no max-pool.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # width and stride of each stage of two blocks
WIDTH = 512


class SimCLR(nn.Module):
    """(n, 3, 32, 32) -> h (n, 512), z (n, projection_dim). Only holds the tensors that ``forward`` computes with."""

    def __init__(self, projection_dim: int = 128) -> None:
        super().__init__()
        self.tensors = nn.ParameterDict()
        self._add_convolution("stem", 3, 64, 3)
        before = 64
        for stage, (width, stride) in enumerate(STAGES):
            for block in range(2):
                name = f"stage{stage}_block{block}"
                self._add_convolution(f"{name}_first", before, width, 3)
                self._add_convolution(f"{name}_second", width, width, 3)
                if before != width or (stride != 1 and block == 0):
                    self._add_convolution(f"{name}_shortcut", before, width, 1)
                before = width
        for layer, (inputs, outputs) in {"hidden": (WIDTH, WIDTH), "output": (WIDTH, projection_dim)}.items():
            self.tensors[f"{layer}_weight"] = nn.Parameter(nn.init.normal_(torch.empty(outputs, inputs)))
            self.tensors[f"{layer}_bias"] = nn.Parameter(torch.zeros(outputs))

    def _add_convolution(self, name: str, inputs: int, outputs: int, kernel: int) -> None:
        self.tensors[f"{name}_weight"] = nn.Parameter(nn.init.normal_(torch.empty(outputs, inputs, kernel, kernel)))
        self.tensors[f"{name}_gamma"] = nn.Parameter(torch.ones(outputs))
        self.tensors[f"{name}_beta"] = nn.Parameter(torch.zeros(outputs))
        self.register_buffer(f"{name}_mean", torch.zeros(outputs))
        self.register_buffer(f"{name}_variance", torch.ones(outputs))

    def _convolve(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.tensors[f"{name}_weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance = getattr(self, f"{name}_mean"), getattr(self, f"{name}_variance")
        gamma, beta = self.tensors[f"{name}_gamma"], self.tensors[f"{name}_beta"]
        return F.batch_norm(x, mean, variance, gamma, beta, training=self.training, momentum=0.1, eps=1e-5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self._convolve("stem", x).clamp(min=0)
        for stage, (_, first_stride) in enumerate(STAGES):
            for block in range(2):
                name, stride = f"stage{stage}_block{block}", first_stride if block == 0 else 1
                inside = self._convolve(f"{name}_second", self._convolve(f"{name}_first", x, stride).clamp(min=0))
                x = self._convolve(f"{name}_shortcut", x, stride) if f"{name}_shortcut_weight" in self.tensors else x
                x = (inside + x).clamp(min=0)
        h = x.mean(dim=(2, 3))
        hidden = F.linear(h, self.tensors["hidden_weight"], self.tensors["hidden_bias"]).clamp(min=0)
        return h, F.linear(hidden, self.tensors["output_weight"], self.tensors["output_bias"])


ORACLE = {"SimCLR": SimCLR}
