"""What every network is, and where networks are registered.

A new network is one file with a subclass of :class:`Network` and one row of :data:`NETWORKS`, or an entry point
``dielectra.networks`` of another package. Training, storage, evaluation and prediction know nothing else of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from dielectra.crystal import Crystal
from dielectra.errors import InputError
from dielectra.graph import CrystalGraph, GraphBatch, batch_graphs, build_graph
from dielectra.registry import Registry
from dielectra.target import Target

NETWORKS = Registry(
    "dielectra.networks",
    "architecture",
    {
        "difference": "dielectra.models.difference_network:DifferenceNetwork",
        "encoder": "dielectra.models.encoder_network:EncoderNetwork",
        "equivariant": "dielectra.models.equivariant_network:EquivariantNetwork",
        "optimate": "dielectra.models.optimate:OptiMate",
    },
)


DEFAULT_NETWORK = "optimate"


@runtime_checkable
class Batch(Protocol):
    """Several crystals as a network takes them."""

    def to(self, device: torch.device) -> Batch:
        """Return the batch on another device."""
        ...


Width = Annotated[int, Field(ge=1, le=8192)]
"""Units of a layer, or heads, Gaussians and the like: what a card claims is bounded before memory is taken for it."""


class NetworkOptions(BaseModel):
    """Sizes and switches of a network; the defaults are those published."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Network(nn.Module, ABC):
    """A map from crystals to a target.

    What a network needs of a crystal (a graph, features of a foundation potential) is its own business: ``prepare``
    finds it out, once per crystal, and ``collate`` joins it into a batch.

    Attributes
    ----------
    Options
        Pydantic model of the options; each is ``network.NAME`` in a training's settings.
    elements
        Atomic numbers that the network can represent.
    ranks
        Ranks of the targets it can predict: 0, 2 or both.
    references
        What to cite.
    """

    Options: ClassVar[type[NetworkOptions]] = NetworkOptions
    elements: ClassVar[frozenset[int]] = frozenset(range(1, 119))
    ranks: ClassVar[frozenset[int]] = frozenset({0})
    references: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: NetworkOptions, target: Target) -> None:
        super().__init__()
        self.options, self.target = options, target

    @abstractmethod
    def prepare(self, crystals: Sequence[Crystal]) -> list[Any]:
        """Return what the network needs of each crystal, in the crystals' order; independent of its weights."""

    def broadened(self, broadening: float) -> Network:  # noqa: ARG002
        """Return a network that predicts spectra of another Lorentzian broadening (half width, eV).

        Raises
        ------
        InputError
            If it cannot.
        """
        raise InputError(
            f"{type(self).__name__} predicts spectra as broadened as its data, {self.target.broadening} eV; another "
            "broadening needs a model of oscillator strengths, such as the default one"
        )

    @property
    def preparation(self) -> str:
        """Return what fixes the result of :meth:`prepare`: networks for which it is equal can share it."""
        return f"{type(self).__name__} {self.options.model_dump_json()}"

    def prepare_known(self, crystals: Sequence[Crystal]) -> list[Any]:
        """Return what :meth:`prepare` does, of crystals of a data set: what is dear may be kept on disk."""
        return self.prepare(crystals)

    @abstractmethod
    def collate(self, prepared: Sequence[Any]) -> Batch:
        """Return prepared crystals as one batch on the CPU."""

    @abstractmethod
    def forward(self, batch: Any) -> Float[Tensor, "n levels parts components energies"]:
        """Return the prediction for each crystal of a batch, shape ``(n, *target.shape)``."""

    def loss(
        self,
        batch: Any,
        criterion: Callable[[Tensor], Tensor],
        gaps: Float[Tensor, "n n_gaps"],  # noqa: ARG002
    ) -> Float[Tensor, ""]:
        """Return the training loss: that of the prediction, and whatever else a network wants.

        Parameters
        ----------
        criterion
            Loss of a prediction ``(n, *target.shape)``.
        gaps
            Known gaps as :class:`~dielectra.data.labels.Labels` have them, eV; NaN where unknown.
        """
        return criterion(self(batch))

    def scalar_loss(
        self,
        batch: Any,  # noqa: ARG002
        gaps: Float[Tensor, "n 2"],  # noqa: ARG002
        eps_infinity: Float[Tensor, " n"],  # noqa: ARG002
    ) -> Float[Tensor, ""]:
        """Return the training loss of crystals without spectra.

        Parameters
        ----------
        gaps
            Direct and fundamental PBE gaps, eV; NaN where unknown.
        eps_infinity
            Static electronic dielectric constants; NaN where unknown.

        Raises
        ------
        InputError
            If the network learns nothing from these.
        """
        raise InputError(f"{type(self).__name__} learns from spectra alone; leave scalars out, or use encoder")

    def gaps(self, batch: Any) -> Float[Tensor, "n n_gaps"] | None:  # noqa: ARG002
        """Return the predicted gaps of each crystal, eV: direct and fundamental of PBE, maybe those of quasiparticles.

        None from a network without.
        """
        return None

    def outputs(self, batch: Any) -> tuple[Float[Tensor, "n levels parts components energies"], Tensor | None]:
        """Return prediction and gaps together; a network that shares work between them overrides it."""
        return self(batch), self.gaps(batch)

    def rates(self) -> dict[float, list[nn.Parameter]]:
        """Return the parameters by the factor of their learning rate."""
        return {1.0: list(self.parameters())}

    def start_at(self, mean: Tensor, batch: Any, predicted: Tensor | None = None) -> None:
        """Set the output so that its mean over the training crystals is about that of the labels.

        Does nothing unless a network overrides it.

        Parameters
        ----------
        mean
            Mean of the labels, shape ``target.shape``.
        batch
            The training crystals.
        predicted
            Mean of what the network predicts already, shape ``target.shape``; None for a fresh network.
        """

    def conclude(self, prepared: Sequence[Any], values: Tensor, weights: Tensor) -> None:
        """Fit what has a closed form, once the weights are trained.

        Does nothing unless a network overrides it.

        Parameters
        ----------
        prepared
            The training crystals.
        values, weights
            Their labels, shapes ``(n, *target.shape)`` and ``(n, levels, parts, energies)``.
        """

    def latents(self, batch: Any) -> Float[Tensor, "n n_features"]:
        """Return features of each crystal, shape ``(n, n_features)``: the prediction, unless a network has better."""
        output: Tensor = self(batch)
        return output.flatten(1)

    def remarks(self, prepared: Any) -> list[str]:  # noqa: ARG002  (a network may override it)
        """Return one sentence for each reason to doubt the prediction for a prepared crystal."""
        return []

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next((value.device for value in chain(self.parameters(), self.buffers())), torch.device("cpu"))


class GraphNetwork(Network):
    """A network that needs the distances to all neighbours within ``cutoff`` of each atom, and no directions."""

    cutoff: float = 5.0

    def prepare(self, crystals: Sequence[Crystal]) -> list[CrystalGraph]:
        """Return the graph of each crystal."""
        return [build_graph(crystal, self.cutoff) for crystal in crystals]

    def collate(self, prepared: Sequence[CrystalGraph]) -> GraphBatch:
        """Return graphs as one batch."""
        return batch_graphs(prepared)

    def remarks(self, prepared: CrystalGraph) -> list[str]:
        """Say whether an atom has no neighbour."""
        if len(np.unique(prepared.target)) == len(prepared.numbers):
            return []
        return [f"an atom has no neighbour within {self.cutoff:g} angstrom; the model sees it as isolated"]
