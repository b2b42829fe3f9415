"""The interaction layers of SevenNet, in plain torch: features of every atom, without energies and forces.

Park, Kim, Hwang, Han, J. Chem. Theory Comput. 20, 4857 (2024), on the architecture of NequIP (Batzner et al., Nat.
Commun. 13, 2453 (2022)). Weights are converted by ``scripts/convert_encoder.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Literal, NamedTuple

import torch
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from dielectra.models.encoder.harmonics import spherical_harmonics
from dielectra.models.encoder.neighbours import Neighbours

silu = nn.functional.silu

Parts = list[Tensor]
"""Features of atoms by degree l, each of shape ``(n_atoms, 2 l + 1, n_copies, channels)``.

A copy is the crystal as it is, or its mirror image, whose edges differ by a sign only.
"""


class Xplor(BaseModel):
    """Envelope that is 1 up to `onset` (angstrom) and falls smoothly to 0 at the cutoff."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["xplor"] = "xplor"
    onset: float

    def __call__(self, radii: Float[Tensor, " n"], cutoff: float) -> Float[Tensor, " n"]:
        """Return the envelope at distances (angstrom)."""
        end, square = cutoff**2, radii**2
        falling = (end - square) ** 2 * (end + 2 * square - 3 * self.onset**2) / (end - self.onset**2) ** 3
        return torch.where(radii < self.onset, torch.ones_like(radii), falling)


class Polynomial(BaseModel):
    """Envelope ``1 - a u^p + b u^(p+1) - c u^(p+2)`` with u = r / cutoff (Gasteiger, Gross, Guennemann, ICLR 2020)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["polynomial"] = "polynomial"
    power: int

    def __call__(self, radii: Float[Tensor, " n"], cutoff: float) -> Float[Tensor, " n"]:
        """Return the envelope at distances (angstrom)."""
        p, u = self.power, radii / cutoff
        a, b, c = (p + 1) * (p + 2) / 2, p * (p + 2), p * (p + 1) / 2
        return 1 - u**p * (a - b * u + c * u**2)


class EncoderCard(BaseModel):
    """Describe an encoder: its sizes, and where its weights come from.

    ``channels`` counts the channels of each degree before the first layer and after each layer, ``degree`` is the
    highest one of the directions, ``gain`` the factor of every SiLU that makes its mean square 1 for normal input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    source_sha256: str
    weights_sha256: str
    licence: str
    reference: str
    channels: tuple[tuple[int, ...], ...]
    degree: int
    cutoff: float
    gain: float
    envelope: Annotated[Xplor | Polynomial, Field(discriminator="kind")]


class Coupling(NamedTuple):
    """Name a Clebsch-Gordan term: degree `atom` of a sender and `edge` of a direction make degree `message`."""

    atom: int
    edge: int
    message: int


def couplings(atom_degree: int, edge_degree: int, message_degree: int) -> list[Coupling]:
    """Return all couplings up to given degrees, sorted by the degree of the message."""
    return [
        Coupling(atom, edge, message)
        for message in range(message_degree + 1)
        for atom, edge in product(range(atom_degree + 1), range(edge_degree + 1))
        if abs(atom - edge) <= message <= atom + edge
    ]


class Ends(NamedTuple):
    """Name the atoms that each shell leads to and comes from, each of shape ``(n_shells,)``."""

    receiver: Tensor
    sender: Tensor


class Interaction(nn.Module):
    """One layer: messages from neighbours, a linear map, the atom's own features added, a gate.

    All couplings of one degree of the senders are one product: harmonics turn into a small matrix for each shell, which
    takes a sender's components to those of its messages, whatever the channel. Radial weights come after it.

    Parameters
    ----------
    weights
        Converted matrices of this layer by kind (``connection``, ``sender``, ``receiver``, ``radial``) and index.
    terms
        Clebsch-Gordan tensors by name.
    before, after
        Channels of each degree before and after the layer.
    edge_degree
        Highest degree of the directions.
    gain
        Factor of each SiLU.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        terms: Mapping[str, Tensor],
        before: Sequence[int],
        after: Sequence[int],
        edge_degree: int,
        gain: float,
    ) -> None:
        super().__init__()
        self.after, self.gain = list(after), gain
        self.couplings = couplings(len(before) - 1, edge_degree, len(after) - 1)
        self.widths = [before[coupling.atom] for coupling in self.couplings]
        self.hidden = nn.ParameterList([weights["radial.0"], weights["radial.1"]])
        by_coupling = torch.split(weights["radial.2"], self.widths, dim=1)
        self.by_atom_degree = [
            [index for index, coupling in enumerate(self.couplings) if coupling.atom == degree]
            for degree in range(len(before))
        ]
        self.filters = nn.ParameterList(
            [torch.cat([by_coupling[index] for index in indices], dim=1) for indices in self.by_atom_degree]
        )
        self.terms = nn.ParameterList(
            [
                torch.cat([_term(terms, self.couplings[index], edge_degree) for index in indices])
                for indices in self.by_atom_degree
            ]
        )
        self.sender = nn.ParameterList([weights[f"sender.{degree}"] for degree in range(len(before))])
        kept = range(min(len(before), len(after)))
        self.connection = nn.ParameterList([weights[f"connection.{degree}"] for degree in kept])
        self.receiver = nn.ParameterList([weights[f"receiver.{degree}"] for degree in range(len(after))])

    def forward(self, parts: Parts, radial: Tensor, harmonics: Tensor, ends: Ends, signs: Tensor) -> Parts:
        """Return the features after the layer.

        Parameters
        ----------
        parts
            Features before it.
        radial
            Radial basis of each shell, shape ``(n_shells, n_basis)``.
        harmonics
            Spherical harmonics summed over the images of each shell, shape ``(n_shells, n_components)``.
        ends
            Atoms of each shell.
        signs
            What the edges of each degree are multiplied by in each copy, shape ``(n_degrees, n_copies)``.
        """
        hidden = silu(silu(radial @ self.hidden[0]) @ self.hidden[1])
        found: dict[int, Tensor] = {}
        for degree, indices in enumerate(self.by_atom_degree):
            senders = (parts[degree] @ self.sender[degree])[ends.sender]
            rotations = (harmonics @ self.terms[degree].flatten(0, 1).T).unflatten(1, self.terms[degree].shape[:2])
            messages = (rotations @ senders.flatten(2)).unflatten(2, senders.shape[2:])
            sizes = [2 * self.couplings[index].message + 1 for index in indices]
            weights = torch.split(hidden @ self.filters[degree], self.widths[indices[0]], dim=1)
            by_coupling = zip(torch.split(messages, sizes, dim=1), weights, strict=True)
            weighted = torch.cat([message * weight[:, None, None] for message, weight in by_coupling], dim=1)
            total = weighted.new_zeros(len(parts[0]), *weighted.shape[1:]).index_add_(0, ends.receiver, weighted)
            found |= dict(zip(indices, torch.split(total, sizes, dim=1), strict=True))
        updated = []
        for degree, matrix in enumerate(self.receiver):
            chosen = [index for index, coupling in enumerate(self.couplings) if coupling.message == degree]
            turned = [found[index] * signs[self.couplings[index].edge][:, None] for index in chosen]
            updated.append(torch.cat(turned, dim=3) @ matrix)
        for degree, matrix in enumerate(self.connection):
            updated[degree] = updated[degree] + parts[degree] @ matrix
        return self._gate(updated)

    def _gate(self, parts: Parts) -> Parts:
        """Apply SiLU to scalars; multiply higher degrees by SiLU of the further scalars."""
        scalars, *gates = torch.split(self.gain * silu(parts[0]), self.after, dim=3)
        return [scalars, *(gate * part for gate, part in zip(gates, parts[1:], strict=True))]


def _term(terms: Mapping[str, Tensor], coupling: Coupling, edge_degree: int) -> Tensor:
    """Return a Clebsch-Gordan tensor among all components of the harmonics, shape ``(2 m + 1, 2 a + 1, n)``."""
    atom, edge, message = coupling
    term = terms[f"coupling.{atom}.{edge}.{message}"].permute(2, 0, 1)
    return nn.functional.pad(term, (edge**2, (edge_degree + 1) ** 2 - (edge + 1) ** 2))


class SevenNet(nn.Module):
    """Compute the features of every atom after every interaction layer; parameters are frozen at first.

    Parameters
    ----------
    card
        Sizes of the network.
    weights
        Converted tensors by name.
    """

    rows: Tensor

    def __init__(self, card: EncoderCard, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.card = card
        rows = torch.full((119,), -1)
        rows[weights["numbers"]] = torch.arange(len(weights["numbers"]))
        self.register_buffer("rows", rows)
        self.frequencies = nn.Parameter(weights["frequencies"])
        self.embedding = nn.Parameter(weights["embedding"])
        self.layers = nn.ModuleList(
            Interaction(
                {name.removeprefix(f"layers.{index}."): w for name, w in weights.items() if f"layers.{index}." in name},
                weights,
                before,
                after,
                card.degree,
                card.gain,
            )
            for index, (before, after) in enumerate(zip(card.channels[:-1], card.channels[1:], strict=True))
        )
        self.requires_grad_(requires_grad=False)

    def learning(self) -> SevenNet:
        """Let all weights learn, and only these: Clebsch-Gordan tensors stay; return the network."""
        for name, parameter in self.named_parameters():
            parameter.requires_grad = ".terms." not in name
        return self

    @property
    def elements(self) -> frozenset[int]:
        """Return the atomic numbers that the network knows."""
        return frozenset(self.rows.ge(0).nonzero().flatten().tolist())

    @property
    def feature_counts(self) -> tuple[int, int]:
        """Return the numbers of invariants and of tensors of an atom."""
        after = self.card.channels[1:]
        return sum(sum(channels) for channels in after), sum(channels[2] for channels in after if len(channels) > 2)

    def forward(self, neighbours: Neighbours, *, mirrored: bool = False) -> list[Parts]:
        """Return the features after each layer.

        Parameters
        ----------
        mirrored
            Whether to encode the crystal with all its vectors reversed too, as a second copy. SevenNet does not know
            parity, so that its features of a crystal and its mirror image differ.
        """
        radii, cutoff = neighbours.radii, self.card.cutoff
        waves = torch.sin(self.frequencies * radii[:, None]) * (2.0 / cutoff) / radii[:, None]
        radial = waves * self.card.envelope(radii, cutoff)[:, None]
        images = spherical_harmonics(neighbours.directions, self.card.degree)
        harmonics = images.new_zeros(len(radii), images.shape[1]).index_add_(0, neighbours.shell_of_image, images)
        degrees = torch.arange(self.card.degree + 1, device=radii.device)
        signs = torch.stack([torch.ones_like(degrees), 1 - 2 * (degrees % 2)][: 1 + mirrored], dim=1).to(radii)
        pairs = neighbours.pair_of_shell
        ends = Ends(neighbours.receiver[pairs], neighbours.sender[pairs])
        parts = [self.embedding[self.rows[neighbours.numbers]][:, None, None]]
        layers = []
        for layer in self.layers:
            parts = layer(parts, radial, harmonics, ends, signs)
            layers.append(parts)
        return layers
