def has_bfloat16() -> bool:
    """Whether the device computes in bfloat16 in hardware; elsewhere float32 is faster."""
    if DEVICE.type == "cuda":
        return torch.cuda.get_device_capability()[0] >= 8
    return DEVICE.type == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()


PRECISION = "bfloat16" if has_bfloat16() else "float32"
print(f"the network computes in {PRECISION}")


class InPrecision(nn.Module):
    """``model``, computing in ``PRECISION``; takes and returns float32."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, *inputs):
        if PRECISION == "float32":
            return self.model(*inputs)
        with torch.autocast(DEVICE.type, torch.bfloat16):
            outputs = self.model(*inputs)
        return tuple(out.float() for out in outputs) if isinstance(outputs, tuple) else outputs.float()
