"""OptiMate: the graph attention network of Grunert, Grossmann and Runge, in plain torch.

Nat. Commun. 16, 8142 (2025). The attention layer is GATv2 of Brody, Alon and Yahav
(ICLR 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from dielectra.elements import N_MAIN_GROUPS, NOBLE_GASES, SYMBOLS, main_group, table_row, valence_electrons
from dielectra.errors import InputError
from dielectra.graph import GraphBatch
from dielectra.models.interface import GraphNetwork, NetworkOptions, Width
from dielectra.target import Target

N_ROWS = 5
SMALLEST_SCALE = 0.05
"""Smallest scale of the output, in units of the largest: keeps a start near zero absorption trainable."""
METHOD = (
    "M. Grunert, M. Grossmann, E. Runge, Machine learning climbs the Jacob's Ladder of optoelectronic properties, "
    "Nat. Commun. 16, 8142 (2025)."
)
ARCHITECTURE = (
    "M. Grunert, M. Grossmann, E. Runge, Deep learning of spectra: "
    "Predicting the dielectric function of semiconductors, Phys. Rev. Mater. 8, L122201 (2024)."
)
DENSITY = 0.1
"""Typical density of valence electrons, per cubic angstrom."""


def element_features() -> Float[Tensor, "119 13"]:
    """Return one-hot group (8 main groups) and row (5) of every element, shape ``(119, 13)``.

    Rows of elements without a main group in rows 1 to 5 (transition metals, everything beyond xenon) are NaN.
    """
    features = torch.full((len(SYMBOLS), N_MAIN_GROUPS + N_ROWS), math.nan)
    for number in range(1, NOBLE_GASES[N_ROWS] + 1):
        group = main_group(number)
        if group is not None:
            features[number] = 0.0
            features[number, group - 1] = 1.0
            features[number, N_MAIN_GROUPS + table_row(number) - 1] = 1.0
    return features


def outer_electrons() -> Float[Tensor, " 119"]:
    """Return the valence electrons of every element with features, shape ``(119,)``; NaN for the others."""
    electrons = torch.full((len(SYMBOLS),), math.nan)
    for number in supported_elements():
        electrons[number] = valence_electrons(number) or math.nan
    return electrons


@cache
def supported_elements() -> frozenset[int]:
    """Return the atomic numbers that OptiMate's features can represent."""
    known = ~element_features().isnan().any(dim=1)
    return frozenset(int(number) for number in known.nonzero())


class GATv2(nn.Module):
    """Attend over neighbours with dynamic attention; several heads, concatenated.

    Equal to ``torch_geometric.nn.GATv2Conv`` with ``edge_dim`` and without self loops; parameters have its names.
    """

    def __init__(self, n_in: int, width: int, heads: int, n_edge_features: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.lin_l = nn.Linear(n_in, heads * width)
        self.lin_r = nn.Linear(n_in, heads * width)
        self.lin_edge = nn.Linear(n_edge_features, heads * width, bias=False)
        self.att = nn.Parameter(torch.empty(1, heads, width))
        self.bias = nn.Parameter(torch.zeros(heads * width))
        for linear in (self.lin_l, self.lin_r, self.lin_edge):
            nn.init.xavier_uniform_(linear.weight)
        for linear in (self.lin_l, self.lin_r):
            nn.init.zeros_(linear.bias)
        nn.init.xavier_uniform_(self.att)

    def forward(
        self, nodes: Float[Tensor, "n_atoms n_in"], edges: Float[Tensor, "n_edges n_features"], batch: GraphBatch
    ) -> Float[Tensor, "n_atoms n_out"]:
        """Return new node features.

        Parameters
        ----------
        nodes
            Shape ``(n_atoms, n_in)``.
        edges
            Edge features, shape ``(n_edges, n_edge_features)``.

        Returns
        -------
        Tensor, shape ``(n_atoms, heads * width)``
        """
        n_atoms = len(nodes)
        sources = self.lin_l(nodes).index_select(0, batch.source)
        mixed = sources + self.lin_r(nodes).index_select(0, batch.target) + self.lin_edge(edges)
        activated = nn.functional.leaky_relu(mixed, 0.2).view(-1, self.heads, self.width)
        logits = (activated * self.att).sum(dim=-1).float() + batch.multiplicity.log()[:, None]
        weights = segment_softmax(logits, batch.target, n_atoms).to(sources.dtype)
        messages = (sources.view(-1, self.heads, self.width) * weights[:, :, None]).flatten(1)
        gathered = messages.new_zeros(n_atoms, self.heads * self.width).index_add_(0, batch.target, messages)
        result: Tensor = gathered + self.bias
        return result


def segment_softmax(
    logits: Float[Tensor, "n channels"], segment: Int[Tensor, " n"], n_segments: int
) -> Float[Tensor, "n channels"]:
    """Return the softmax of `logits` ``(n, channels)`` over the rows that share a segment index ``(n,)``."""
    index = segment[:, None].expand_as(logits)
    highest = logits.new_full((n_segments, logits.shape[1]), -torch.inf)
    highest = highest.scatter_reduce_(0, index, logits.detach(), "amax", include_self=True)
    exponentials = (logits - highest.index_select(0, segment)).exp()
    totals = torch.zeros_like(highest).index_add_(0, segment, exponentials)
    return exponentials / totals.index_select(0, segment)


class Perceptron(nn.Module):
    """Stack linear layers with batch norm and ReLU between them, none after the last.

    Parameter names are those of ``torch_geometric.nn.MLP``, but for the ``module`` its batch norm wraps.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.lins = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[1:-1])

    def forward(self, values: Float[Tensor, "n n_in"]) -> Float[Tensor, "n n_out"]:
        """Return features of shape ``(n, widths[-1])`` for input of shape ``(n, widths[0])``."""
        for linear, norm in zip(self.lins[:-1], self.norms, strict=True):
            values = torch.relu(norm(linear(values)))
        result: Tensor = self.last(values)
        return result

    @property
    def last(self) -> nn.Linear:
        """Return the last layer."""
        layer = self.lins[-1]
        assert isinstance(layer, nn.Linear)
        return layer


class OptiMateOptions(NetworkOptions):
    """Sizes and switches of OptiMate; the defaults are those published.

    Attributes
    ----------
    node_widths, output_widths
        Hidden widths of the node perceptron and the output perceptron.
    convolutions
        ``(width, heads)`` of each GATv2 layer.
    cutoff
        Largest neighbour distance, angstrom; Gaussians sit at ``n_gaussians`` distances from 0 to it.
    density_scaling
        Whether the output is multiplied by the density of valence electrons, to which the f-sum rule ties the area of
        ``energy * eps2``; attention averages over neighbours and cannot count them. The published network does without.
    broaden_output
        Whether the output is broadened by the target's Lorentzian (:func:`lorentzian_broadening`), as the ab initio
        response is. The published network does without.
    """

    node_widths: tuple[Width, ...] = Field((48, 48), min_length=1, max_length=16)
    convolutions: tuple[tuple[Width, Width], ...] = Field(((48, 4), (96, 4)), max_length=16)
    output_widths: tuple[Width, ...] = Field((1024, 1024, 1024), max_length=16)
    cutoff: float = Field(5.0, gt=0.5, le=10)
    n_gaussians: Width = Field(51, ge=2)
    density_scaling: bool = False
    broaden_output: bool = False


class OptiMate(GraphNetwork):
    """Map crystals to spectra: node perceptron, GATv2 layers, softmax attention pooling, output perceptron.

    Raises
    ------
    InputError
        If the output is to be broadened and the target does not say by how much, or does not start at 0 eV.
    """

    Options = OptiMateOptions
    elements = supported_elements()
    references = (METHOD, ARCHITECTURE)

    features: Tensor
    electrons: Tensor
    centres: Tensor
    scale: Tensor
    kernel: Tensor

    def __init__(self, options: OptiMateOptions, target: Target) -> None:
        super().__init__(options, target)
        n_outputs = math.prod(target.shape)
        self.cutoff = options.cutoff
        self.register_buffer("features", element_features(), persistent=False)
        self.register_buffer("centres", torch.linspace(0.0, options.cutoff, options.n_gaussians), persistent=False)
        self.register_buffer("scale", torch.ones(n_outputs))
        self.density_scaling = options.density_scaling
        self.register_buffer("electrons", outer_electrons(), persistent=False)
        self.broaden_output = options.broaden_output
        if options.broaden_output:
            kernel = lorentzian_broadening(len(target.grid), _broadening_points(target))
            self.register_buffer("kernel", kernel, persistent=False)
        self.mlp_init_node = Perceptron([N_MAIN_GROUPS + N_ROWS, *options.node_widths])
        widths = [options.node_widths[-1], *(width * heads for width, heads in options.convolutions)]
        self.gat = nn.ModuleList(
            GATv2(n_in, width, heads, options.n_gaussians)
            for n_in, (width, heads) in zip(widths[:-1], options.convolutions, strict=True)
        )
        self.mlp_att = Perceptron([widths[-1], widths[-1]])
        self.mlp1 = Perceptron([widths[-1], *options.output_widths, n_outputs])

    def forward(self, batch: GraphBatch) -> Float[Tensor, "n_crystals levels parts components energies"]:
        """Return the prediction for each crystal, shape ``(n_crystals, *target.shape)``."""
        rows: Tensor = nn.functional.leaky_relu(self.mlp1(self.latents(batch))) * self.scale
        if self.density_scaling:
            rows = rows * self.relative_density(batch)[:, None]
        spectra = rows.view(-1, *self.target.shape)
        if not self.broaden_output:
            return spectra
        with torch.autocast(spectra.device.type, enabled=False):  # bf16 would make the smooth output rough again
            return spectra.float() @ self.kernel

    @torch.no_grad()
    def start_at(self, mean: Tensor, batch: GraphBatch, predicted: Tensor | None = None) -> None:
        """Scale the output so that its mean over the training crystals is about that of the labels.

        A fresh network gets the mean spectrum (per mean density of valence electrons, where it scales with that) as its
        scale, and begins there. A climbing one keeps its predictions but for a factor at each energy, that of the mean
        spectra of both levels; ``SMALLEST_SCALE`` keeps it near 1 where there is no absorption.
        """
        wanted = mean.flatten()
        floor = SMALLEST_SCALE * float(wanted.max())
        if predicted is not None:
            self.scale.mul_((wanted + floor) / (predicted.flatten().clamp_min(0.0) + floor))
            return
        self.scale.copy_(wanted.clamp_min(floor))
        if self.density_scaling:
            self.scale /= self.relative_density(batch).mean()
        nn.init.ones_(self.mlp1.last.bias)

    def relative_density(self, batch: GraphBatch) -> Float[Tensor, " n_crystals"]:
        """Return the density of valence electrons in units of ``DENSITY``, shape ``(n_crystals,)``."""
        counts = batch.volumes.new_zeros(batch.n_crystals)
        counts.index_add_(0, batch.crystal, self.electrons.index_select(0, batch.numbers))
        return counts / (DENSITY * batch.volumes)

    def latents(self, batch: GraphBatch) -> Float[Tensor, "n_crystals n_features"]:
        """Return the pooled features of each crystal, shape ``(n_crystals, width * heads)`` of the last layer."""
        edges = math.sqrt(10.0 / math.pi) * torch.exp(-10.0 * (batch.distances[:, None] - self.centres) ** 2)
        nodes = self.mlp_init_node(self.features.index_select(0, batch.numbers))
        for layer in self.gat:
            nodes = layer(nodes, edges, batch)
        weights = segment_softmax(self.mlp_att(nodes).float(), batch.crystal, batch.n_crystals)
        pooled = nodes.new_zeros(batch.n_crystals, nodes.shape[1])
        result: Tensor = pooled.index_add_(0, batch.crystal, (nodes * weights).to(nodes.dtype))
        return result


def _broadening_points(target: Target) -> float:
    """Return the Lorentzian half width of a target in points of its grid."""
    if target.broadening is None or target.grid[0] != 0 or len(target.grid) < 2:
        raise InputError(
            "broaden_output needs spectra that start at 0 eV and declare their broadening (broadening_eV in the "
            "metadata of the data set); add it, or train with network.broaden_output=false"
        )
    return target.broadening / float(target.grid[1])


def lorentzian_broadening(n_energies: int, half_width: float) -> Float[Tensor, "n_energies n_energies"]:
    """Return the matrix that broadens an imaginary part given on a regular grid from zero energy.

    The response at ``w + i eta`` is the unbroadened eps2, continued as an odd function, convolved with a Lorentzian of
    half width eta. Spectra of this form are smooth, vanish at zero energy and are causal. A row that reaches past the
    end of the grid is scaled up by what it lacks there.

    Parameters
    ----------
    half_width
        In points of the grid.

    Returns
    -------
    Tensor, shape ``(n_energies, n_energies)``
        Multiply spectra ``(..., n_energies)`` with it from the right.
    """
    points = torch.arange(n_energies, dtype=torch.float64)
    difference, total = points[:, None] - points, points[:, None] + points
    kernel = half_width / math.pi * (1 / (difference**2 + half_width**2) - 1 / (total**2 + half_width**2))
    inside = 0.5 + torch.atan((n_energies - 0.5 - points) / half_width) / math.pi
    return (kernel / inside).float()
