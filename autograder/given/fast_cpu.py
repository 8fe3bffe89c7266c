def keep_freed_memory() -> None:
    """Ask glibc not to give freed memory back: taking it anew for the tensors of each step costs up to a third of it."""
    if sys.platform == "linux" and DEVICE.type == "cpu":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
            libc.mallopt(M_MMAP_THRESHOLD, 2**30)
            libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def winograd_matrices(*matrices: list[list[float]]) -> tuple[torch.Tensor, ...]:
    """Each matrix for both axes of a tile at once: its Kronecker product with itself."""
    return tuple(torch.kron(m, m).float() for m in map(partial(torch.tensor, dtype=torch.float64), matrices))


# Winograd's minimal filtering F(m x m, 3 x 3): the transforms of input tile, filter and output tile for each m.
# Lavin and Gray, 2016 (https://arxiv.org/abs/1509.09308), sections 4.1 and 4.3.
# fmt: off
WINOGRAD = {
    2: winograd_matrices(
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: winograd_matrices(
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
         [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]],
        [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
         [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}  # fmt: on


def winograd_conv2d(x: torch.Tensor, weight: torch.Tensor, m: int) -> torch.Tensor:
    """3x3 convolution with padding 1 and stride 1, in tiles of m x m outputs: x (n, c, H, W) -> (n, k, H, W).

    Each tile of m + 2 inputs squared takes (m + 2)^2 products instead of 9 m^2, all of them one batched matrix product.
    """
    to_input, to_filter, to_output = WINOGRAD[m]
    (n, c, height, width), k, t = x.shape, len(weight), m + 2
    rows, columns = -(-height // m), -(-width // m)
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1 + m * columns - width, 1, 1 + m * rows - height))
    by_image, by_row, by_column, by_channel = x.stride()
    tiles = x.as_strided(
        (t, t, n, rows, columns, c), (by_row, by_column, by_image, m * by_row, m * by_column, by_channel)
    )
    inputs = (to_input @ tiles.reshape(t * t, -1)).view(t * t, -1, c)
    filters = (to_filter @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(t * t, c, k)
    outputs = (to_output @ (inputs @ filters).view(t * t, -1)).view(m, m, n, rows, columns, k)
    y = outputs.permute(2, 3, 0, 4, 1, 5).reshape(n, m * rows, m * columns, k)
    return y[:, :height, :width].permute(0, 3, 1, 2)


class WinogradConv2d(nn.Conv2d):
    """A convolution that takes Winograd's way where that was measured to be faster, from 128 channels upwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        square = self.kernel_size == (3, 3) and self.stride == (1, 1) and self.padding == (1, 1)
        if not square or self.groups > 1 or self.bias is not None or min(self.in_channels, self.out_channels) < 128:
            return super().forward(x)
        m = 2 if x.shape[-1] in (1, 2, 5, 6) else 4  # tiles of 4 would be half empty
        return winograd_conv2d(x, self.weight, m)


def takes_winograd(precision: Precision) -> bool:
    """Whether convolutions go Winograd's way: on a CPU that computes them in float32, if the table has it."""
    return DEVICE.type == "cpu" and precision.dtype == torch.float32 and HP["winograd"]


def quicken(model: nn.Module) -> nn.Module:
    """``model`` itself, its convolutions made Winograd's where they are to be; weights and their names stay the same."""
    if takes_winograd(PRECISION):
        for module in model.modules():
            if type(module) is nn.Conv2d:
                module.__class__ = WinogradConv2d
    return model
