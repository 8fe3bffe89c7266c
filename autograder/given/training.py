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
