def write_json(path: Path, content: dict) -> None:
    """Write ``content`` as JSON, through a temporary file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: Path) -> dict:
    """The object in a JSON file; {} if the file is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


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
    return read_json(RUN / f"{name}.json").get("code", {})


def changed_since(name: str) -> list[str]:
    """The functions and classes that are not what they were when the training ``name`` began."""
    return [part for part, then in code_of_run(name).items() if codes_of(part) and hash_of(part) != then]


def update_metrics(**parts) -> None:
    """Write ``parts`` (the histories) into the run's ``metrics.json``, beside the hyper-parameters."""
    path = RUN / "metrics.json"
    head = {"assignment": "{{name}}", "profile": PROFILE, "dataset": HP["dataset"], "hyperparameters": HP}
    old = read_json(path)
    write_json(path, {**(old if old.get("profile") == PROFILE else {}), **head, **parts})
