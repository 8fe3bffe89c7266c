GRAY = (0.299, 0.587, 0.114)  # shares of red, green and blue in the gray of a pixel


def between(count: int, low: float, high: float) -> torch.Tensor:
    """(count,) uniform random numbers on ``DEVICE``."""
    return torch.empty(count, device=DEVICE).uniform_(low, high)


def colour_matrices(count: int, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A random colour change for each of ``count`` images: x -> m x + (share of its mean gray), as (matrix, share).

    Brightness, contrast, saturation, hue (a rotation about the gray axis in YIQ) and grayscale are linear in (r, g, b),
    so their product is one 3x3 matrix for each image, (count, 3, 3); (count,) is the constant of contrast.
    """
    eye = torch.eye(3, device=DEVICE)
    to_gray = torch.tensor(GRAY, device=DEVICE).expand(3, 3)  # every output channel is the gray of the pixel
    yiq = torch.tensor([GRAY, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)], device=DEVICE)
    reach = 0.8 * strength
    changed = torch.rand(count, device=DEVICE) < 0.8
    brightness, contrast, saturation = (torch.where(changed, between(count, 1 - reach, 1 + reach), 1.0) for _ in "bcs")
    angle = torch.where(changed, between(count, -1, 1) * 0.2 * strength * 2 * math.pi, 0.0)
    turn = eye.repeat(count, 1, 1)
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angle.sin(), angle.sin()
    hue = torch.linalg.inv(yiq) @ turn @ yiq
    saturate = torch.lerp(to_gray, eye, saturation[:, None, None])
    matrix = hue @ saturate * (brightness * contrast)[:, None, None]
    gray = torch.rand(count, device=DEVICE) < 0.2
    return torch.where(gray[:, None, None], to_gray @ matrix, matrix), (1 - contrast) * brightness


def random_crops(x: torch.Tensor, size: int) -> torch.Tensor:
    """(n, 3, H, W) -> (n, 3, size, size): random parts of area 0.2 to 1 and sides 3:4 to 4:3, half of them flipped."""
    n, tries = len(x), 10  # take the first of ten boxes that fits into the image, as torchvision does
    area = between(n * tries, 0.2, 1).view(n, tries)
    ratio = between(n * tries, math.log(3 / 4), math.log(4 / 3)).exp().view(n, tries)
    width, height = (area * ratio).sqrt(), (area / ratio).sqrt()
    first = ((width <= 1) & (height <= 1)).byte().argmax(1, keepdim=True)
    width, height = (side.gather(1, first)[:, 0].clamp(max=1) for side in (width, height))
    theta = torch.zeros(n, 2, 3, device=DEVICE)
    theta[:, 0, 0] = torch.where(torch.rand(n, device=DEVICE) < 0.5, width, -width)
    theta[:, 1, 1] = height
    theta[:, 0, 2], theta[:, 1, 2] = between(n, -1, 1) * (1 - width), between(n, -1, 1) * (1 - height)
    fine = math.ceil(x.shape[-1] / size)  # sample finer and average if the view is smaller than the image
    grid = F.affine_grid(theta, (n, 3, fine * size, fine * size), align_corners=False)
    edge = 1 - 1 / x.shape[-1]  # the centre of the outermost pixels; some devices lack padding_mode="border"
    return F.avg_pool2d(F.grid_sample(x, grid.clamp(-edge, edge), align_corners=False), fine)


def normalised(x: torch.Tensor) -> torch.Tensor:
    """Pixels in [0, 1] (n, 3, H, W), minus ``MEAN`` and divided by ``STD``."""
    mean, std = (torch.tensor(values, device=x.device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (x - mean) / std


def draw_views(images: torch.Tensor, size: int, strength: float) -> torch.Tensor:
    """``simclr_transform`` without blur for a whole batch: uint8 (n, 3, H, W) -> float32 (n, 3, size, size), with its own draw for each image."""
    x = random_crops(images.float() / 255, size)
    matrix, share = colour_matrices(len(x), strength)
    gray = torch.einsum("c,nchw->n", torch.tensor(GRAY, device=DEVICE), x) / size**2
    x = torch.einsum("ndc,nchw->ndhw", matrix, x) + (share * gray)[:, None, None, None]
    return normalised(x.clamp(0, 1))


def draw_crops(images: torch.Tensor) -> torch.Tensor:
    """``finetune_transforms`` for a whole batch: uint8 (n, 3, H, W) -> float32, shifted by up to an eighth, half flipped."""
    n, _, height, width = images.shape
    padding = width // 8  # 4 pixels of 32
    padded = F.pad(images, (padding,) * 4)
    top, left = (torch.randint(2 * padding + 1, (n, 1), device=DEVICE) for _ in range(2))
    rows, columns = top + torch.arange(height, device=DEVICE), left + torch.arange(width, device=DEVICE)
    columns = torch.where(torch.rand(n, 1, device=DEVICE) < 0.5, columns, columns.flip(1))
    which = torch.arange(n, device=DEVICE)[:, None, None]
    return normalised(padded[which, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2) / 255)
