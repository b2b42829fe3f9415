"""The device that networks run on, checked before anything is put there."""

from __future__ import annotations

from dielectra.errors import InputError


def choose_device(wanted: str, gpu: str = "cuda") -> str:
    """Return a device that can be used here.

    Parameters
    ----------
    wanted
        ``cpu``, ``cuda``, ``auto`` (the GPU where there is one), or any name that torch knows.
    gpu
        What ``cuda`` stands for where there are several.

    Raises
    ------
    InputError
        If torch does not know it, or finds no such device.
    """
    import torch

    device = gpu if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else wanted
    device = "cpu" if device == "auto" else device
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"device {wanted!r} cannot be used here ({reason}); give cpu, cuda where torch finds a GPU, or auto"
        ) from error
    return device
