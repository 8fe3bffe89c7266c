def save_atomically(path: Path, content: dict) -> None:
    """``torch.save`` that leaves either the old file or the complete new one."""
    temporary = path.with_suffix(".tmp")
    torch.save(content, temporary)
    os.replace(temporary, path)


def rng_state() -> dict:
    """The state of every random generator, in types that ``torch.load(weights_only=True)`` accepts."""
    numpy_state = np.random.get_state(legacy=False)
    numpy_state["state"]["key"] = numpy_state["state"]["key"].tolist()
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
