def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators (all devices), and make cuDNN deterministic."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
