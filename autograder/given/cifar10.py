def load_split(split: str, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``limit`` images (n, 3, 32, 32) uint8 and labels (n,) int64 of a split, "train" or "test"."""
    rows = prepared_rows(split, limit)
    if rows is not None:
        return rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].long()
    found = official(torchvision.datasets.CIFAR10, "cifar-10-batches-py", train=split == "train")
    images, labels = found.data[:limit].transpose(0, 3, 1, 2), np.array(found.targets[:limit])
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels).long()
