def plain(value):
    """``value`` with Python's numbers for NumPy's, at any depth: ``torch.load(weights_only=True)`` refuses NumPy's."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, dict):
        parts = {plain(key): plain(part) for key, part in value.items()}
        value = copy.copy(value)  # of the same kind, with the attributes of a state_dict
        value.clear()
        value.update(parts)
        return value
    return type(value)(map(plain, value)) if type(value) in (list, tuple) else value


def save_atomically(path: Path, content: dict) -> None:
    """``torch.save`` that leaves either the old file or the complete new one."""
    temporary = path.with_suffix(".tmp")
    torch.save(plain(content), temporary)
    os.replace(temporary, path)


def rng_state() -> dict:
    """The state of every random generator."""
    numpy_state = np.random.get_state(legacy=False)
    device = {} if DEVICE.type == "cpu" else {DEVICE.type: getattr(torch, DEVICE.type).get_rng_state()}
    return {"python": random.getstate(), "numpy": numpy_state, "torch": torch.get_rng_state(), "device": device}


def restore_rng(state: dict) -> None:
    """Set every random generator to what ``rng_state`` returned, also on another kind of device."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if DEVICE.type in state["device"]:
        getattr(torch, DEVICE.type).set_rng_state(state["device"][DEVICE.type])


def saved_run(name: str, plan: dict, restart: bool) -> dict | None:
    """The checkpoint ``<name>_last.pt`` if the same plan made it; otherwise rename it and return None."""
    path = RUN / f"{name}_last.pt"
    if not path.is_file():
        return None
    saved = torch.load(path, map_location="cpu", weights_only=True)
    if saved["plan"] == plan and not restart:
        return saved
    os.replace(path, RUN / f"{name}_previous.pt")
    print(f"{name}: starting again ({'restart=True' if restart else 'the hyper-parameters changed'})")
    return None
