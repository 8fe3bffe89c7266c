def write_json(path: Path, content: dict) -> None:
    """Write ``content`` as JSON, through a temporary file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(temporary, path)


def write_history(name: str, history: list[dict]) -> None:
    """Write the history to ``<name>.csv``, one row per epoch."""
    with (RUN / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, history[0].keys())
        table.writeheader()
        table.writerows(history)


def as_float(number) -> float:
    """A number of Python, NumPy or torch as Python's float, which every file can hold."""
    return float(number.item() if hasattr(number, "item") else number)


def codes_of(name: str) -> list:
    """The code objects of a function of this session, or of a class's methods."""
    thing = globals().get(name)
    parts = vars(thing).values() if isinstance(thing, type) else [thing]
    return [part.__code__ for part in parts if hasattr(part, "__code__")]


def instructions(code) -> str:
    """What a code object does, as text: neither where it stands nor its comments, and alike in a notebook and a script."""
    import dis

    alike = {"LOAD_METHOD": "LOAD_ATTR", "CALL_METHOD": "CALL_FUNCTION"}  # a script knows which names are modules
    jumps, found = {*dis.hasjrel, *dis.hasjabs}, []
    for one in dis.get_instructions(code):
        value = "" if one.opcode in jumps else one.argval
        value = instructions(value) if hasattr(value, "co_code") else value
        value = sorted(map(repr, value)) if isinstance(value, frozenset) else value
        if one.opname not in ("EXTENDED_ARG", "PUSH_NULL"):
            found.append(f"{alike.get(one.opname, one.opname)} {value!r}")
    return " ".join(found)


def hash_of(name: str) -> str:
    """A hash of the code of a function or class of this session."""
    return hashlib.sha256(" ".join(map(instructions, codes_of(name))).encode()).hexdigest()[:16]


def code_of_run(name: str) -> dict[str, str]:
    """The hash of each function and class that the training ``name`` uses, from when it began."""
    path = RUN / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")).get("code", {}) if path.is_file() else {}


def changed_since(name: str) -> list[str]:
    """The functions and classes that are not what they were when the training ``name`` began."""
    return [part for part, then in code_of_run(name).items() if codes_of(part) and hash_of(part) != then]


def fit(
    name, model, loader, plan, optimise, train, test=lambda model: {}, after_epoch=lambda history: None, restart=False
) -> list[dict]:
    """Train ``model`` by ``plan``, resuming from ``<name>_last.pt``; returns the history, one dict per epoch.

    plan: all settings of the run: "epochs", and as "code" the names of your functions that it uses.
    optimise(network, total_steps) returns (optimizer, scheduler).
    train(model, batches, optimizer, scheduler) and test(model) each return a dict of numbers for the history.
    after_epoch(history) is called after each epoch.
    """
    saved, history = saved_run(name, plan, restart), []
    model.to(DEVICE)
    optimizer, scheduler = optimise(model, plan["epochs"] * len(loader))
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    if saved:
        history = saved["history"]
        for key, part in parts.items():
            part.load_state_dict(saved[key])
        restore_rng(saved["rng"])
        changed = changed_since(name)
        if changed:
            print(f"{name}: you changed {', '.join(changed)} since this training began")
        if len(history) >= plan["epochs"]:
            print(f"{name}: nothing trained: the run is complete; restart=True trains anew")
            return history
        print(f"{name}: going on after epoch {len(history)}")
    machine = {"device": DEVICE.type, "threads": torch.get_num_threads(), "torch": torch.__version__}
    about = {"plan": plan, "precision": PRECISION, "machine": machine, "hyperparameters": HP}
    code = (code_of_run(name) if saved else {}) or {part: hash_of(part) for part in plan.get("code", ())}
    write_json(RUN / f"{name}.json", {**about, "code": code})
    network = InPrecision(model)
    for epoch in range(len(history), plan["epochs"]):
        start, lr = time.perf_counter(), optimizer.param_groups[0]["lr"]
        found = {**train(network, loader, optimizer, scheduler), **test(network)}
        numbers = {key: as_float(number) for key, number in found.items()}
        seconds = round(time.perf_counter() - start, 2)
        history.append({"epoch": epoch + 1, **numbers, "lr": as_float(lr), "seconds": seconds})
        after_epoch(history)
        write_history(name, history)
        states = {key: part.state_dict() for key, part in parts.items()}
        save_atomically(RUN / f"{name}_last.pt", {"plan": plan, "history": history, "rng": rng_state(), **states})
        if (epoch + 1) % max(1, plan["epochs"] // 20) == 0:
            measured = ", ".join(f"{key} {value:.4f}" for key, value in numbers.items())
            print(f"{name}: epoch {epoch + 1} of {plan['epochs']}, {measured}")
    return history


def update_metrics(**parts) -> None:
    """Write ``parts`` (the histories) into the run's ``metrics.json``, beside the hyper-parameters."""
    path = RUN / "metrics.json"
    head = {"assignment": "{{name}}", "profile": PROFILE, "dataset": HP["dataset"], "hyperparameters": HP}
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write_json(path, {**(old if old.get("profile") == PROFILE else {}), **head, **parts})
