def as_grid(images: torch.Tensor, columns: int) -> np.ndarray:
    """uint8 images (n, c, h, w) side by side, as one array (height, width, 3)."""
    rows = len(images) // columns
    n, channels, height, width = images.shape
    grid = images[: rows * columns].reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    return grid.reshape(rows * height, columns * width, channels).expand(-1, -1, 3).numpy()
