def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators (all devices); sums on a GPU keep their order."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
