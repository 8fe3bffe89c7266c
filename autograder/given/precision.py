class Precision(NamedTuple):
    """How the network computes: ``dtype`` inside convolutions and linear layers, memory layout of images."""

    dtype: torch.dtype = torch.float32
    channels_last: bool = False


class ScaleGradient(torch.autograd.Function):
    """The identity, whose gradient is multiplied by a factor; overflow in it becomes 0."""

    @staticmethod
    def forward(ctx, tensor, factor):
        ctx.factor = factor
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, gradient):
        return torch.nan_to_num(gradient * ctx.factor, nan=0.0, posinf=0.0, neginf=0.0), None


class InPrecision(nn.Module):
    """``model`` run in ``precision``; takes and returns float32, whatever happens inside.

    float16 cannot hold small gradients: they are scaled up where they enter the model and down where they reach the
    float32 parameters.
    """

    GRADIENT_SCALE = 1024.0

    def __init__(self, model: nn.Module, precision: Precision):
        super().__init__()
        self.model, self.precision = model, precision

    def forward(self, x: torch.Tensor, *others):
        if self.precision.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        if self.precision.dtype == torch.float32:
            return self.model(x, *others)
        scaled = self.precision.dtype == torch.float16 and torch.is_grad_enabled()
        with torch.autocast(x.device.type, self.precision.dtype):
            outputs = self.with_scaled_parameters(x, *others) if scaled else self.model(x, *others)
        up = self.GRADIENT_SCALE if scaled else 1.0
        if isinstance(outputs, tuple):
            return tuple(ScaleGradient.apply(out.float(), up) for out in outputs)
        return ScaleGradient.apply(outputs.float(), up)

    def with_scaled_parameters(self, *inputs):
        parameters = self.model.named_parameters()
        down = {name: ScaleGradient.apply(p, 1 / self.GRADIENT_SCALE) for name, p in parameters}
        return torch.func.functional_call(self.model, down, inputs)


def step_seconds(device: torch.device, precision: Precision, batch_size: int, steps: int = 2) -> float:
    """Seconds of a training step of two 64-channel convolutions at 32x32, the stuff a ResNet is made of."""
    block = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()) for _ in "ab")
    )
    layout = torch.channels_last if precision.channels_last else torch.contiguous_format
    model = InPrecision(block.to(device, memory_format=layout), precision)
    x = torch.ones(batch_size, 64, 32, 32, device=device)
    for step in range(1 + steps):
        if step == 1:  # the first step warms up
            start = time.perf_counter()
        model(x).mean().backward()
        next(model.parameters()).grad.sum().item()  # waits for the device
    return (time.perf_counter() - start) / steps


def choose_precision(device: torch.device, wanted: str, batch_size: int) -> Precision:
    """The fastest precision on ``device`` if ``wanted`` is "auto", else float32. A change must gain 10 %."""
    plain = Precision()
    half = torch.bfloat16
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        half = torch.float16  # such as Colab's T4
    candidates = [Precision(torch.float32, True), Precision(half, True)] if device.type in ("cpu", "cuda") else []
    if wanted == "float32" or not candidates:
        return plain
    batch_size = min(batch_size, 4) if device.type == "cpu" else batch_size
    seconds = dict.fromkeys((plain, *candidates), math.inf)
    with torch.random.fork_rng(devices=[]):
        for candidate in (*seconds, *seconds, *seconds):  # in turn, and the fastest counts: other work may disturb any
            seconds[candidate] = min(seconds[candidate], step_seconds(device, candidate, batch_size))
    best = plain
    for candidate in candidates:
        if seconds[candidate] < 0.9 * seconds[best]:
            best = candidate
    return best


def precision_of_run(batch_size: int) -> Precision:
    """The precision of this run folder on this kind of device: chosen once, so that a run goes on as it began."""
    kind = torch.cuda.get_device_name() if DEVICE.type == "cuda" else DEVICE.type
    kind, path = f"{kind}, {HP['precision']}", RUN / "precision.json"
    chosen = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    wait_for_all()
    if kind not in chosen:
        fastest = choose_precision(DEVICE, HP["precision"], batch_size)
        chosen[kind] = same_object({"dtype": str(fastest.dtype), "channels_last": fastest.channels_last})
        if RANK == 0:
            path.write_text(json.dumps(chosen, indent=1), encoding="utf-8")
    dtype = getattr(torch, chosen[kind]["dtype"].removeprefix("torch."))
    return Precision(dtype, chosen[kind]["channels_last"])
