def fast_precision() -> str:
    """The fastest precision that the device has in hardware: half precision if it has one, otherwise float32."""
    if DEVICE.type == "cuda":
        capability = torch.cuda.get_device_capability()  # that of Colab's T4 is (7, 5)
        return "bfloat16" if capability >= (8, 0) else "float16" if capability >= (7, 0) else "float32"
    has_bfloat16 = DEVICE.type == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    return "bfloat16" if has_bfloat16 else "float32"


PRECISION = fast_precision()


class ScaleGradient(torch.autograd.Function):
    """The identity, but it multiplies the gradient by a factor; an overflow becomes 0."""

    @staticmethod
    def forward(ctx, tensor, factor):
        ctx.factor = factor
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx, gradient):
        return torch.nan_to_num(gradient * ctx.factor, nan=0.0, posinf=0.0, neginf=0.0), None


class InPrecision(nn.Module):
    """``model``, computing in ``PRECISION``; takes and returns float32.

    float16 cannot hold small gradients: scale them up where they enter the model, and down at its parameters.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        if PRECISION == "float32":
            return self.model(*inputs)
        scale = 1024.0 if PRECISION == "float16" and torch.is_grad_enabled() else 1.0
        down = (
            {name: ScaleGradient.apply(p, 1 / scale) for name, p in self.model.named_parameters()} if scale > 1 else {}
        )
        with torch.autocast(DEVICE.type, getattr(torch, PRECISION)):
            outputs = torch.func.functional_call(self.model, down, inputs) if down else self.model(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        outputs = tuple(ScaleGradient.apply(out.float(), scale) for out in outputs)
        return outputs if len(outputs) > 1 else outputs[0]
