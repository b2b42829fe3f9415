"""Time encoders, heads and OptiMate on a CUDA device, by the size of batches and in bf16, against one CPU thread."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from dielectra.data.dataset import open_dataset
from dielectra.models.encoder import features
from dielectra.models.encoder.features import encode, load_encoder
from dielectra.models.ensemble import load_predictor
from dielectra.models.model import predict_prepared
from dielectra.models.store import load_model

N_CRYSTALS = 2048
PAIRS = (2_000, 10_000, 50_000, 200_000)


def rate(work: Callable[[], object], n: int) -> float:
    """Return crystals a second of the second of two runs."""
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begin = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return n / (time.perf_counter() - begin)


def main() -> None:
    """Print crystals a second."""
    if not torch.cuda.is_available():
        print("no CUDA device here: nothing is measured. Run make gpu-bench where there is one.")
        return
    torch.set_num_threads(1)
    known = open_dataset("ladder").labels("rpa").crystals
    crystals = [known[index % len(known)] for index in range(N_CRYSTALS)]
    print(torch.cuda.get_device_name(), "against one thread of the CPU; crystals a second")
    for name in ("sevennet-0", "sevennet-l3i5"):
        few = crystals[:256]
        print(f"{name}: CPU {rate(lambda: encode(few, load_encoder(name)), len(few)):.0f}")  # noqa: B023
        for pairs in PAIRS:
            features.PAIRS_PER_BATCH["cuda"] = pairs
            encoder = load_encoder(name, "cuda")
            full = rate(lambda: encode(crystals, encoder), N_CRYSTALS)  # noqa: B023
            with torch.autocast("cuda", torch.bfloat16):
                half = rate(lambda: encode(crystals, encoder), N_CRYSTALS)  # noqa: B023
            print(f"{name}: batches of {pairs} pairs {full:.0f}, in bf16 {half:.0f}")
    model = load_predictor("ladder-ensemble", "cuda")
    prepared = model.prepare(crystals[:256]) * 8
    print(f"heads of ladder-ensemble: {rate(lambda: model.outputs(prepared), len(prepared)):.0f}")
    network = load_model("ladder-rpa", "cuda").network
    graphs = network.prepare(crystals)
    print(f"OptiMate (ladder-rpa): {rate(lambda: predict_prepared(network, graphs), N_CRYSTALS):.0f}")


if __name__ == "__main__":
    main()
