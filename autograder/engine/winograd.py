"""The kit's classifier with fewer multiplications: Winograd's minimal filtering for its 3×3 convolutions of stride 1.

Four outputs of a filter of three taps are made of six products instead of twelve, F(4, 3) of Lavin and Gray (2016); done
along both sides of an image, that leaves a quarter of the multiplications, as 36 matrix products. The sums before and
after them are taken by whole-tensor operations, on maps that lie in memory such that each runs through long stretches of
it. Batch norm is folded into the weights, in double precision.

These sums round more than a plain convolution does: who needs the plain network's answer has to look at how clear this
one is (``predictions``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from autograder.engine.checkpoint import empty_classifier

# G of F(4, 3), Lavin and Gray (2016), section 4.2: a filter's values at the points 0, 1, -1, 2, -2 and infinity.
FILTER = torch.tensor([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]).double() / 24
# The place of the point 1 among them: what is added to the product there comes once into each output, as a bias should.
ONE = 1
# Half of the pairs of points.
HALF = 18
# Up to so many channels a convolution keeps its weights at the points: 9 MB in all.
KEPT = 128

# What the first stage works on; each stage after it has twice the channels and half the side.
CHANNELS, SIDE = 64, 32
# How many images a network may take at a time, and the megabytes that it then takes beside the model: 73 to 131.
BATCHES = (32, 64, 128)
FIXED_MB, MB_PER_IMAGE = 54, 0.6

Tensors = Sequence[torch.Tensor]
# Weight and bias of a plain convolution.
Plain = tuple[torch.Tensor, torch.Tensor]


class Kernel(NamedTuple):
    """A convolution for ``Tiles``.

    Its weights at the 36 points, ``points @ weight``, take four times as much memory as the weight itself. Of few channels
    they are kept; of many they are made anew for each batch, half of the points at a time.

    Attributes:
        points: (channels out, 36, 9), scaled by batch norm.
        weight: (channels out, 9, channels in), a view of the model's.
        bias: (channels out,).
        kept: two times (channels out, 18, channels in), or nothing.
    """

    points: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    kept: Tensors

    def halves(self, memory: torch.Tensor) -> Iterator[torch.Tensor]:
        """The weights at each half of the points, (18, channels in, channels out); ``memory`` for one half may be used."""
        for half, points in enumerate(self.points.split(HALF, dim=1)):
            filters = self.kept[half] if self.kept else torch.bmm(points, self.weight, out=memory)
            yield filters.permute(1, 2, 0)


def transform_in(x: Tensors, out: Tensors, spare: Tensors) -> None:
    """``out`` = Bᵀ ``x`` of F(4, 3): six tensors from six of one shape; two ``spare`` ones are written over."""
    even, odd = spare
    torch.sub(x[4], x[2], alpha=4, out=even)
    torch.sub(x[3], x[1], alpha=4, out=odd)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(x[4], x[2], out=even)
    torch.sub(x[3], x[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.sub(x[0], x[2], out=out[0])
    torch.add(even, out[0], alpha=4, out=out[0])
    torch.sub(x[5], x[3], out=out[5])
    torch.sub(out[5], odd, alpha=4, out=out[5])


def transform_out(products: Tensors, out: Tensors, spare: Tensors) -> None:
    """``out`` = Aᵀ ``products`` of F(4, 3): four tensors from six of one shape; four ``spare`` ones are written over."""
    sum1, difference1, sum2, difference2 = spare
    torch.add(products[1], products[2], out=sum1)
    torch.sub(products[1], products[2], out=difference1)
    torch.add(products[3], products[4], out=sum2)
    torch.sub(products[3], products[4], out=difference2)
    torch.add(difference1, difference2, alpha=2, out=out[1])
    torch.add(sum1, sum2, alpha=4, out=out[2])
    torch.add(sum1, sum2, out=sum1)
    torch.add(sum1, products[0], out=out[0])
    torch.add(difference1, difference2, alpha=8, out=difference1)
    torch.add(difference1, products[5], out=out[3])


class Tiles:
    """Convolutions of maps that are divided into tiles of 4 × 4 pixels, for ``n`` images at a time.

    Maps have ``channels`` of ``side`` × ``side`` pixels and a border of zeros, to which no method writes. They are
    (n, side + 2, 4, side / 4 + 1, channels): columns that have the same place in their tiles lie together.

    Args:
        scratch: flat memory to work on, of ``needed(n, channels, side)`` floats; several objects may have the same.
    """

    def __init__(self, n: int, channels: int, side: int, scratch: torch.Tensor) -> None:
        self.n, self.channels, self.side, self.tiles = n, channels, side, side // 4
        tiles = (n, self.tiles, self.tiles, channels)
        strips = (n, self.tiles, 4, self.tiles + 1, channels)
        # Of each two that begin at the same place one is done with when the other begins.
        self.strips = part(scratch, 0, 6, *strips)
        self.products = part(scratch, 0, 6, 6, *tiles)
        start = max(self.strips.numel(), self.products.numel())
        self.factors = part(scratch, start, 6, 6, *tiles)
        self.summed = part(scratch, start, 4, 6, *tiles)
        start += self.factors.numel()
        self.spare_strips = part(scratch, start, 2, *strips)
        self.spare_rows = part(scratch, start, 4, 6, *tiles)
        self.spare_columns = part(scratch, start, 4, 4, *tiles)
        self.filters = part(scratch, start + self.spare_rows.numel(), channels, HALF, channels)

    @staticmethod
    def needed(n: int, channels: int, side: int) -> int:
        """How many floats the methods work on."""
        return 7 * n * channels * side**2 + HALF * channels**2

    def empty(self) -> torch.Tensor:
        """Maps of zeros."""
        return torch.zeros(self.n, self.side + 2, 4, self.tiles + 1, self.channels)

    def put(self, images: torch.Tensor, maps: torch.Tensor) -> None:
        """Write images (n, channels, side, side), in channels-last memory, into maps."""
        for column, pixels in zip(self.columns(maps), self.columns_of_images(images)):
            column.copy_(pixels)

    def take(self, maps: torch.Tensor, images: torch.Tensor) -> None:
        """Write maps into such images."""
        for column, pixels in zip(self.columns(maps), self.columns_of_images(images)):
            pixels.copy_(column)

    def columns(self, maps: torch.Tensor) -> list[torch.Tensor]:
        """Views (4, n, tiles, tiles, channels) of the four columns of all tiles of maps, without the border."""
        rows = maps[:, 1:-1].unflatten(1, (self.tiles, 4)).permute(2, 0, 1, 3, 4, 5)
        return [self.column(rows, at) for at in range(1, 5)]

    def column(self, rows: torch.Tensor, at: int) -> torch.Tensor:
        """A view of columns ``at``, ``at + 4`` and so on, of rows (…, 4, tiles + 1, channels), border counted."""
        return rows[..., at % 4, at // 4 : at // 4 + self.tiles, :]

    def columns_of_images(self, images: torch.Tensor) -> Tensors:
        """The same views of images."""
        tiles = images.permute(0, 2, 3, 1).unflatten(2, (self.tiles, 4)).unflatten(1, (self.tiles, 4))
        return tiles.permute(4, 2, 0, 1, 3, 5).unbind(0)

    def convolve(self, kernel: Kernel, source: torch.Tensor, target: torch.Tensor) -> None:
        """Write the convolution of the maps ``source`` into the maps ``target``, which may be the same ones."""
        rows = [source[:, at : at + self.side - 3 : 4] for at in range(6)]
        transform_in(rows, self.strips, self.spare_strips)
        columns = [self.column(self.strips, at) for at in range(6)]
        transform_in(columns, self.factors.unbind(1), self.spare_rows[:2])
        halves = (some.split(HALF) for some in (matrices(self.factors), matrices(self.products)))
        for filters, factors, products in zip(kernel.halves(self.filters), *halves):
            torch.bmm(factors, filters, out=products)
        self.products[ONE, ONE].add_(kernel.bias)
        transform_out(self.products, self.summed, self.spare_rows)
        transform_out(self.summed.unbind(1), self.columns(target), self.spare_columns)


def part(memory: torch.Tensor, start: int, *shape: int) -> torch.Tensor:
    """A tensor of this shape that lies in flat memory, from ``start`` on."""
    return memory[start : start + prod(shape)].view(shape)


def matrices(factors: torch.Tensor) -> torch.Tensor:
    """(6, 6, n, tiles, tiles, channels) as 36 matrices with a row for each tile."""
    return factors.flatten(2, 4).flatten(0, 1)


class Block(NamedTuple):
    """The convolutions of a residual block. Where it has a ``shortcut``, its ``first`` is a plain one of stride 2."""

    first: Kernel | Plain
    second: Kernel
    shortcut: Plain | None


def block_of(block: nn.Module) -> Block:
    """A block of torchvision's."""
    shortcut = block.downsample and plain(*block.downsample)
    return Block((plain if shortcut else kernel)(block.conv1, block.bn1), kernel(block.conv2, block.bn2), shortcut)


class Stage:
    """The residual blocks of one size of maps, for as many images at a time as ``layout`` takes."""

    def __init__(self, layer: nn.Sequential, layout: Tiles) -> None:
        self.layout = layout
        self.maps, self.inner = layout.empty(), layout.empty()
        self.blocks = [block_of(block) for block in layer]

    def __call__(self, images: torch.Tensor, out: torch.Tensor, peaks: torch.Tensor) -> None:
        """Write the output for ``images`` into ``out``, and the ``peak`` after each convolution into ``peaks`` (n, 4)."""
        layout, maps, inner = self.layout, self.maps, self.inner
        if self.blocks[0].shortcut is None:
            layout.put(images, maps)
        for block, (of_inner, of_maps) in zip(self.blocks, peaks.t().split(2)):
            if block.shortcut is None:
                layout.convolve(block.first, maps, inner)
            else:
                layout.put(F.conv2d(images, *block.first, stride=2, padding=1), inner)
                layout.put(F.conv2d(images, *block.shortcut, stride=2), maps)
            of_inner.copy_(peak(inner.relu_()))
            layout.convolve(block.second, inner, inner)
            of_maps.copy_(peak(maps.add_(inner).relu_()))
        layout.take(maps, out)


class Winograd:
    """A classifier that ``fits``, for ``batch`` images at a time, one of ``BATCHES``; ``largest`` is its largest weight."""

    def __init__(self, model: nn.Module, batch: int) -> None:
        layers = (model.layer1, model.layer2, model.layer3, model.layer4)
        sizes = stage_sizes(batch)
        scratch = torch.empty(max(Tiles.needed(*size) for size in sizes))
        with torch.no_grad():
            self.stem = plain(model.conv1, model.bn1)
            self.stages = [Stage(layer, Tiles(*size, scratch)) for layer, size in zip(layers, sizes)]
            self.largest = max(float(bound) for bound in self.bounds())
        self.fc = model.fc
        self.batch = batch

    @torch.inference_mode()
    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (batch, 10) of images (batch, 3, 32, 32), and the ``peak`` of each after 17 convolutions: (batch, 17)."""
        peaks = torch.empty(len(images), 1 + 4 * len(self.stages))
        maps = self.maps(images, len(self.stages), peaks)
        return self.fc(maps.mean(dim=(2, 3))), peaks

    def maps(self, images: torch.Tensor, stages: int, peaks: torch.Tensor) -> torch.Tensor:
        """What comes out of the first so many stages, each stage's images taken through all before it at once."""
        if not stages:
            maps = F.conv2d(images, *self.stem, padding=1).relu_()
            peaks[:, 0] = peak(maps.permute(0, 2, 3, 1))
            return maps
        stage = self.stages[stages - 1]
        n, channels, side = stage.layout.n, stage.layout.channels, stage.layout.side
        out = torch.empty(len(images), channels, side, side, memory_format=torch.channels_last)
        for some, some_out, some_peaks in zip(images.split(n), out.split(n), peaks.split(n)):
            before = self.maps(some, stages - 1, some_peaks)
            stage(before, some_out, some_peaks[:, 4 * stages - 3 : 4 * stages + 1])
        return out

    def bounds(self) -> Iterator[torch.Tensor]:
        """Bounds of the magnitudes of all weights and biases, batch norm folded in."""
        yield from (tensor.abs().max() for tensor in self.stem)
        for convolution in (one for stage in self.stages for block in stage.blocks for one in block if one):
            if isinstance(convolution, Kernel):
                yield convolution.points.abs().sum(dim=2).max() * convolution.weight.abs().max()
                yield convolution.bias.abs().max()
            else:
                yield from (tensor.abs().max() for tensor in convolution)


def stage_sizes(batch: int) -> list[tuple[int, int, int]]:
    """Images at a time, channels and side of the four stages.

    More images would push the maps of the early stages out of the cache; fewer would make the matrices of the late ones too
    flat, and their weights at the points too dear.
    """
    at_a_time = (8, min(16, batch // 2), batch // 2, batch)
    return [(n, CHANNELS << k, SIDE >> k) for k, n in enumerate(at_a_time)]


def fits(model: nn.Module) -> bool:
    """Whether ``model`` is built as the kit's classifier is."""
    expected, state = empty_classifier().state_dict(), model.state_dict()
    return state.keys() == expected.keys() and all(state[name].shape == expected[name].shape for name in expected)


def peak(maps: torch.Tensor) -> torch.Tensor:
    """(n,) the largest value of each image's maps, (n, …) without gaps in memory."""
    return maps.flatten(1).amax(dim=1)


def folded(norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and bias, in float64, that batch norm comes to in eval mode."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def plain(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Plain:
    """What these two do in eval mode, as one convolution."""
    scale, bias = folded(norm)
    weight = (convolution.weight.double() * scale.view(-1, 1, 1, 1)).float()
    return weight.contiguous(memory_format=torch.channels_last), bias.float()


def kernel(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> Kernel:
    """The same for ``Tiles``."""
    scale, bias = folded(norm)
    points = (torch.kron(FILTER, FILTER) * scale.view(-1, 1, 1)).float()
    weight = convolution.weight.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).flatten(1, 2)
    kept = [half @ weight for half in points.split(HALF, dim=1)] if len(weight) <= KEPT else []
    return Kernel(points, weight, bias.float(), kept)
