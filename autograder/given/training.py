def save_atomically(path: Path, content: dict) -> None:
    """``torch.save`` that leaves either the old file or the whole new one."""
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
    """Set every random generator to what ``rng_state`` returned, perhaps on another kind of device."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if DEVICE.type in (state["device"] or {}):
        getattr(torch, DEVICE.type).set_rng_state(state["device"][DEVICE.type])


class Portion:
    """The first ``steps`` batches of ``loader``, fewer when the clock passes ``deadline``; ``taken`` counts them."""

    def __init__(self, loader, steps: int, deadline: float):
        self.loader, self.steps, self.deadline, self.taken = loader, min(steps, len(loader)), deadline, 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self):
        for batch in self.loader:
            yield batch
            self.taken += 1
            if self.taken == self.steps or time.perf_counter() > self.deadline:
                return


def saved_run(name: str, plan: dict, restart: bool) -> dict | None:
    """The checkpoint ``<name>_last.pt`` if it was made by the same plan; else it is set aside and None returned."""
    path = RUN / f"{name}_last.pt"
    saved = torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None
    wait_for_all()
    if saved is None or saved["plan"] == plan and not restart:
        return saved
    if RANK == 0:
        os.replace(path, RUN / f"{name}_previous.pt")
    print(f"{name}: starting anew ({'as you asked' if restart else 'the hyper-parameters are others than before'})")
    return None


def write_config(name: str, plan: dict) -> None:
    """What decides a training, and where it runs, as ``<name>.json``."""
    machine = {
        "device": DEVICE.type,
        "processes": WORLD,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    precision = {"dtype": str(PRECISION.dtype), "channels_last": PRECISION.channels_last}
    content = {"plan": plan, "precision": precision, "machine": machine, "hyperparameters": HP}
    (RUN / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def write_history(name: str, history: list[dict]) -> None:
    """The history as ``<name>.csv``, one row an epoch."""
    if RANK > 0:
        return
    temporary = RUN / f"{name}.csv.tmp"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, history[0].keys())
        table.writeheader()
        table.writerows(history)
    os.replace(temporary, RUN / f"{name}.csv")


def fit(name, model, loader, plan, optimise, train, test, after_epoch, restart=False) -> list[dict]:
    """Train ``model`` by ``plan``, resuming from ``<name>_last.pt``; returns the history, one dict an epoch.

    plan: all that decides the run, among it "epochs" and "seconds" (or None).
    optimise(network, total_steps) returns (optimizer, scheduler).
    train(model, batches, optimizer, scheduler) and test(model) each return a dict of numbers for the history.
    after_epoch(history) is called after each epoch.
    """
    began = time.perf_counter()
    if WORLD > 1:
        plan = plan | {"processes": WORLD}
        assert plan["seconds"] is None, "several processes cannot stop by the clock: each has its own"

    def seconds_left():
        spent = sum(row["seconds"] for row in history) if saved else time.perf_counter() - began
        return math.inf if plan["seconds"] is None else plan["seconds"] - spent

    def planned_steps():
        steps = plan["epochs"] * len(loader)
        if plan["seconds"] is None:
            return steps
        trial, a_step = copy.deepcopy(model), math.inf
        for _ in range(3):  # the fastest counts: the first warms up, and a busy machine disturbs any of them
            start = time.perf_counter()
            train(InPrecision(trial, PRECISION), Portion(loader, 1, 0), *optimise(trial, 1))
            a_step = min(a_step, time.perf_counter() - start)
        start = time.perf_counter()
        test(InPrecision(trial, PRECISION))
        share_of_testing = (time.perf_counter() - start) / len(loader)
        return max(1, min(steps, int(seconds_left() / (a_step + share_of_testing))))

    saved = saved_run(name, plan, restart)
    model.to(DEVICE, memory_format=torch.channels_last if PRECISION.channels_last else torch.contiguous_format)
    if saved:
        total_steps, done, history = saved["total_steps"], saved["done"], saved["history"]
    else:
        total_steps, done, history = planned_steps(), 0, []
    optimizer, scheduler = optimise(model, total_steps)
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
        restore_rng(saved["rng"] if WORLD == 1 else saved["rng"][RANK])
        if done < total_steps:
            print(f"{name}: going on after epoch {len(history)}")

    elif WORLD > 1:
        seed_everything(HP["seed"] + RANK)  # each process distorts its images in its own way

    left = seconds_left()
    fast = across_processes(InPrecision(model, PRECISION))
    total = math.ceil(total_steps / len(loader))
    epochs = tqdm(desc=f"{name} epochs", initial=len(history), total=total, disable=RANK > 0)
    while done < total_steps and (left > 0 or not history):  # one epoch at least, however slow the machine
        start, lr = time.perf_counter(), optimizer.param_groups[0]["lr"]
        batches = Portion(loader, total_steps - done, start + left)
        numbers = train(fast, batches, optimizer, scheduler)
        share_statistics(fast)
        numbers = mean_of_processes({**numbers, **test(fast)})
        seconds = time.perf_counter() - start
        history.append({"epoch": len(history) + 1, **numbers, "lr": lr, "seconds": round(seconds, 2)})
        done, left = done + batches.taken, left - seconds
        content = {
            "plan": plan,
            "total_steps": total_steps,
            "done": done,
            "history": history,
            "rng": of_all_processes(rng_state()),
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
        }
        if RANK == 0:
            after_epoch(history)
            write_config(name, plan)
            write_history(name, history)
            save_atomically(RUN / f"{name}_last.pt", content)
        wait_for_all()
        epochs.update()
        epochs.set_postfix({key: f"{value:.4f}" for key, value in numbers.items()})
    epochs.close()
    return history


def update_metrics(**parts) -> None:
    """Write ``parts`` (the histories) into the run's ``metrics.json``, beside the hyper-parameters."""
    if RANK > 0:
        return
    path = RUN / "metrics.json"
    head = {"assignment": "{{name}}", "profile": PROFILE, "dataset": HP["dataset"], "hyperparameters": HP}
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if old.get("profile") != PROFILE:
        old = {}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({**old, **head, **parts}, indent=1), encoding="utf-8")
    os.replace(temporary, path)
