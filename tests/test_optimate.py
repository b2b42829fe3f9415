"""OptiMate against networks assembled from torch_geometric, and its invariances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from ase.data import atomic_numbers
from pymatgen.core import Element
from torch import nn

from conftest import repeated
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.graph import GraphBatch, batch_graphs, build_graph
from dielectra.models.optimate import (
    DENSITY,
    GATv2,
    OptiMate,
    OptiMateOptions,
    Perceptron,
    element_features,
    outer_electrons,
    segment_softmax,
    supported_elements,
)
from dielectra.models.published import convert_state_dict, published_length
from dielectra.target import Target

if TYPE_CHECKING:
    from geometric_form import PublishedPlain

ZERO_IN_TRAINING = {
    "mlp_att.lins.0.bias",  # one constant for all atoms leaves their softmax alone
    "mlp_init_node.lins.0.bias",  # batch norm removes the mean
    "gat.1.bias",  # moves all pooled features alike, which the batch norm of mlp1 removes
    "mlp1.lins.0.bias",
}


def make_optimate(n_energies: int, **options: Any) -> OptiMate:
    """Return a network for the isotropic Im eps at so many energies from 0 to 20 eV."""
    energies = tuple(np.linspace(0.0, 20.0, n_energies).tolist())
    return OptiMate(OptiMateOptions(**options), Target(levels=("ipa",), energies=energies, broadening=0.3))


def batch_of(*crystals: Crystal) -> GraphBatch:
    """Return the graphs of some crystals as one batch."""
    return batch_graphs([build_graph(crystal) for crystal in crystals])


def randomise(network: nn.Module, seed: int) -> None:
    """Fill parameters and the running statistics of batch norms with reproducible numbers of sensible size."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if not value.is_floating_point() or name == "scale":
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("running_var") or (".norms." in name and name.endswith("weight")):
            value.copy_(0.5 + noise.abs())
        else:
            value.copy_(noise / math.sqrt(value.shape[-1]) if value.ndim > 1 else 0.3 * noise)


@pytest.fixture(scope="module", params=["PublishedPlain", "PublishedSequential"])
def published(request: pytest.FixtureRequest) -> PublishedPlain:
    """Return each published form of the network with random weights."""
    import geometric_form

    network: PublishedPlain = getattr(geometric_form, request.param)()
    randomise(network, seed=1)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> OptiMate:
    """Return a small OptiMate with random weights."""
    small = make_optimate(31, output_widths=(32,))
    randomise(small, seed=2)
    return small.eval()


class TestAttention:
    """The attention layer and its softmax equal those of torch_geometric."""

    @pytest.mark.slow
    def test_layer_on_the_expanded_multigraph(self, crystal: Crystal) -> None:
        from geometric_form import GATv2Conv, gaussians

        reference = GATv2Conv(7, 5, heads=3, edge_dim=51, add_self_loops=False)
        ours = GATv2(7, 5, heads=3, n_edge_features=51)
        randomise(reference, seed=3)
        assert set(ours.state_dict()) == set(reference.state_dict())
        ours.load_state_dict(reference.state_dict())
        batch = batch_of(crystal)
        assert (batch.multiplicity > 1).any()
        times = batch.multiplicity.long()
        index = torch.stack([batch.source, batch.target]).repeat_interleave(times, dim=1)
        edges = gaussians(batch.distances)
        nodes = torch.randn(crystal.n_atoms, 7, generator=torch.Generator().manual_seed(4))
        expected = reference(nodes, index, edges.repeat_interleave(times, dim=0))
        torch.testing.assert_close(ours(nodes, edges, batch), expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.slow
    def test_segment_softmax(self) -> None:
        from geometric_form import softmax

        logits = torch.randn(40, 3, generator=torch.Generator().manual_seed(5)) * 5
        segment = torch.arange(40) % 7
        ours = segment_softmax(logits, segment, 9)
        torch.testing.assert_close(ours, softmax(logits, segment), rtol=1e-5, atol=1e-6)
        sums = torch.zeros(9, 3).index_add_(0, segment, ours)
        torch.testing.assert_close(sums[:7], torch.ones(7, 3))

    def test_segment_softmax_does_not_overflow(self) -> None:
        values = segment_softmax(torch.tensor([[1e4], [-1e4], [-1e4]]), torch.tensor([0, 0, 1]), 2)
        torch.testing.assert_close(values, torch.tensor([[1.0], [0.0], [1.0]]))

    def test_segment_softmax_gradient(self) -> None:
        logits = torch.randn(6, 2, generator=torch.Generator().manual_seed(6), dtype=torch.float64, requires_grad=True)
        segment = torch.tensor([0, 1, 0, 2, 1, 0])
        assert torch.autograd.gradcheck(lambda values: segment_softmax(values, segment, 3), logits)

    @pytest.mark.slow
    def test_perceptron(self) -> None:
        from geometric_form import published_perceptron

        reference, ours = published_perceptron([4, 6, 5, 3]), Perceptron([4, 6, 5, 3])
        randomise(reference, seed=7)
        ours.load_state_dict({name.replace(".module", ""): value for name, value in reference.state_dict().items()})
        values = torch.randn(9, 4, generator=torch.Generator().manual_seed(8))
        for mode in (False, True):
            torch.testing.assert_close(ours.train(mode)(values), reference.train(mode)(values))


class TestPublishedNetwork:
    """The whole network equals the published one."""

    @pytest.mark.slow
    @pytest.mark.parametrize("prefix", ["", "gatnn."])
    def test_spectra_are_equal(
        self, published: PublishedPlain, prefix: str, mgo: Crystal, gaas: Crystal, aln: Crystal, triclinic: Crystal
    ) -> None:
        from geometric_form import PUBLISHED_LENGTH

        state = {prefix + name: value for name, value in published.state_dict().items()}
        assert published_length(state) == PUBLISHED_LENGTH
        ours = make_optimate(PUBLISHED_LENGTH).eval()
        ours.load_state_dict(convert_state_dict(state))
        crystals = [mgo, gaas, aln, triclinic]
        with torch.no_grad():
            expected, found = published(crystals), ours(batch_of(*crystals))
        assert found.shape == (4, 1, 1, 1, PUBLISHED_LENGTH)
        found = found.flatten(1)
        assert (found[0] - found[1]).abs().max() > 0.01 * found.abs().max()
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))

    @pytest.mark.slow
    def test_names_of_both_forms(self) -> None:
        from geometric_form import PublishedPlain, PublishedSequential

        plain, sequential = set(PublishedPlain().state_dict()), set(PublishedSequential().state_dict())
        assert {"gat1.att", "mlp_init_node.norms.0.module.weight", "mlp1.lins.3.bias"} <= plain
        assert {"gat.module_1.att", "mlp_init_node.module_0.norms.0.module.weight"} <= sequential

    @pytest.mark.parametrize("name", ["optimiser.weight", "gatnn.gat3.att", "mlp2.lins.0.weight", "stray"])
    def test_unknown_entry(self, name: str) -> None:
        state = {"mlp1.lins.3.bias": torch.zeros(5), name: torch.zeros(1)}
        with pytest.raises(InputError, match=f"{name!r} is not part of OptiMate"):
            convert_state_dict(state)

    def test_state_without_output(self) -> None:
        with pytest.raises(InputError, match="no output perceptron"):
            convert_state_dict({"gat1.att": torch.zeros(1)})


class TestElementFeatures:
    """One-hot main group and row."""

    @pytest.mark.parametrize(
        ("symbol", "group", "row"),
        [
            ("H", 0, 0),
            ("He", 7, 0),
            ("B", 2, 1),
            ("C", 3, 1),
            ("O", 5, 1),
            ("Ne", 7, 1),
            ("Na", 0, 2),
            ("Ga", 2, 3),
            ("Sr", 1, 4),
            ("I", 6, 4),
            ("Xe", 7, 4),
        ],
    )
    def test_known_elements(self, symbol: str, group: int, row: int) -> None:
        expected = torch.zeros(13)
        expected[[group, 8 + row]] = 1
        torch.testing.assert_close(element_features()[Element(symbol).Z], expected, rtol=0, atol=0)

    def test_every_element_against_pymatgen(self) -> None:
        """Group index is the group less 1, and less 10 more after group 2; row index is the row less 1."""
        features = element_features()
        supported = set()
        for number in range(1, 119):
            element = Element.from_Z(number)
            group = element.group - 1 if element.group <= 2 else element.group - 11
            if element.row > 5 or 3 <= element.group <= 12:
                assert features[number].isnan().all()
                continue
            supported.add(number)
            assert features[number].nonzero().flatten().tolist() == [group, 8 + element.row - 1]
        assert supported_elements() == supported
        assert features[0].isnan().all()

    @pytest.mark.parametrize("symbol", ["Ti", "Cs", "Zn", "La"])
    def test_elements_without_features(self, symbol: str) -> None:
        assert element_features()[Element(symbol).Z].isnan().all()
        assert Element(symbol).Z not in supported_elements()

    def test_valence_electrons_are_those_of_the_outer_shell(self) -> None:
        electrons = outer_electrons()
        known = {"H": 1, "He": 2, "Mg": 2, "Al": 3, "O": 6, "Ga": 3, "I": 7, "Xe": 8}
        assert {symbol: int(electrons[atomic_numbers[symbol]]) for symbol in known} == known
        assert bool(electrons[atomic_numbers["Ti"]].isnan())


class TestInvariance:
    """The spectrum belongs to the crystal, not to its description."""

    @pytest.mark.parametrize(
        "disguise", ["rotated", "permuted", "shifted", "supercell", "sheared", "conventional"], indirect=True
    )
    def test_description(self, network: OptiMate, crystal: Crystal, disguise: Callable[[Crystal], Crystal]) -> None:
        with torch.no_grad():
            expected, found = network(batch_of(crystal)), network(batch_of(disguise(crystal)))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))

    def test_different_crystals_differ(self, network: OptiMate, mgo: Crystal, aln: Crystal) -> None:
        stretched = Crystal(1.03 * mgo.cell, mgo.numbers, mgo.frac_coords)
        with torch.no_grad():
            spectra = network(batch_of(mgo, stretched, aln))
        scale = float(spectra.abs().max())
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert (spectra[one] - spectra[other]).abs().max() > 1e-3 * scale

    def test_batch_equals_single(
        self, network: OptiMate, mgo: Crystal, gaas: Crystal, aln: Crystal, triclinic: Crystal
    ) -> None:
        crystals = [triclinic, mgo, aln, gaas, mgo]
        with torch.no_grad():
            together = network(batch_of(*crystals))
            alone = torch.cat([network(batch_of(crystal)) for crystal in crystals])
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5 * float(alone.abs().max()))

    def test_isolated_atoms(self, network: OptiMate, mgo: Crystal) -> None:
        lonely = make_crystal(12.0 * np.eye(3), ["He"], [[0, 0, 0]])
        with torch.no_grad():
            alone, together = network(batch_of(lonely)), network(batch_of(mgo, lonely))
        assert torch.isfinite(alone).all()
        torch.testing.assert_close(together[1:], alone)

    def test_scale_multiplies_the_spectrum(self, network: OptiMate, mgo: Crystal) -> None:
        scaled = make_optimate(31, output_widths=(32,)).eval()
        scaled.load_state_dict(network.state_dict())
        scaled.scale.copy_(torch.linspace(1, 4, 31))
        with torch.no_grad():
            torch.testing.assert_close(scaled(batch_of(mgo)), network(batch_of(mgo)) * torch.linspace(1, 4, 31))

    def test_the_density_of_valence_electrons_scales_the_spectrum(
        self, network: OptiMate, mgo: Crystal, aln: Crystal
    ) -> None:
        scaled = make_optimate(31, output_widths=(32,), density_scaling=True).eval()
        scaled.load_state_dict(network.state_dict())
        batch = batch_of(mgo, aln)
        density = torch.tensor([8 / mgo.volume, 16 / aln.volume]) / DENSITY  # electrons per cubic angstrom
        with torch.no_grad():
            torch.testing.assert_close(
                scaled(batch), network(batch) * density[:, None, None, None, None], rtol=1e-5, atol=1e-6
            )
            torch.testing.assert_close(scaled(batch_of(repeated(mgo))), scaled(batch)[:1], rtol=1e-4, atol=1e-5)

    def test_latents_have_the_width_of_the_last_layer(self, network: OptiMate, mgo: Crystal, aln: Crystal) -> None:
        assert network.latents(batch_of(mgo, aln)).shape == (2, 384)


class TestGradients:
    """Every parameter learns."""

    @pytest.mark.parametrize("training", [False, True])
    def test_reach_every_parameter(
        self, training: bool, mgo: Crystal, gaas: Crystal, aln: Crystal, triclinic: Crystal
    ) -> None:
        network = make_optimate(31, output_widths=(32,))
        randomise(network, seed=9)
        network.double().train(training)
        batch = batch_of(triclinic, mgo, aln, gaas)
        batch = batch._replace(distances=batch.distances.double(), multiplicity=batch.multiplicity.double())
        weights = torch.randn(4, 31, generator=torch.Generator().manual_seed(10), dtype=torch.float64)
        (network(batch) * weights).sum().backward()
        zero = ZERO_IN_TRAINING if training else {"mlp_att.lins.0.bias"}
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
            # Attention is computed in single precision, so that zero is zero to about 1e-7.
            assert (parameter.grad.abs().max() > 1e-5) == (name not in zero), name
