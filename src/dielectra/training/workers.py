"""Several processes on one training, as ``torchrun`` starts them."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch
from torch import nn


class Workers(NamedTuple):
    """Say which of how many processes this is; one process needs no setup."""

    rank: int = 0
    world_size: int = 1

    @classmethod
    def from_environment(cls) -> Workers:
        """Join the process group of ``torchrun`` if this process was started by it."""
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if world_size == 1:
            return cls()
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(torch.distributed.get_rank(), world_size)

    @property
    def gpu(self) -> str:
        """Return the name of the GPU of this process."""
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"

    @property
    def is_first(self) -> bool:
        """Return whether this process writes files and reports progress."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process has come here."""
        if self.world_size > 1:
            torch.distributed.barrier()

    def share(self, indices: list[int]) -> list[int]:
        """Return this process's share of a batch; every process gets equally many, at least two."""
        if self.world_size == 1:
            return indices
        size = max(2, len(indices) // self.world_size)
        start = min(self.rank * size, len(indices) - size)
        return indices[start : start + size]

    def average_gradients(self, network: nn.Module) -> None:
        """Average the gradients over all processes."""
        if self.world_size == 1:
            return
        for parameter in network.parameters():
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= self.world_size

    def share_buffers(self, network: nn.Module) -> None:
        """Give every process the batch-norm statistics of the first."""
        if self.world_size == 1:
            return
        for buffer in network.buffers():
            torch.distributed.broadcast(buffer, 0)
