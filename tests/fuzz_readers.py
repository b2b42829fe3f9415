"""Every reader of the package, with the files that are changed and how it is asked to read them: one row each."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fuzz_mutations import Mutation, change_gzip, change_json, change_parquet, change_sqlite, change_yaml

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data"
Sample = Mapping[str, bytes]
"""Files of one input by name; the first is the one that is changed."""


class Reader(NamedTuple):
    """A reader: its inputs, what it does with a folder that holds one, and the changes that know its format."""

    samples: Callable[[], list[Sample]]
    read: Callable[[Path], object]
    structured: Mutation | None = None


def read_crystals(path: Path) -> None:
    """Read crystals and do what a prediction does with them before a network sees them."""
    from dielectra.errors import InputError
    from dielectra.graph import build_graph
    from dielectra.structures import Entry, scan
    from dielectra.symmetry import standard_form

    entries = [entry for entry in scan([path]) if isinstance(entry, Entry)]
    if not entries:
        raise InputError("no crystal")
    for entry in entries[:20]:
        if entry.crystal.n_atoms <= 60:
            build_graph(standard_form(entry.crystal).crystal, 5.0)


@cache
def published_entries() -> list[Sample]:
    """Return entries of the paper's form."""
    from dielectra.data.dataset import open_dataset
    from dielectra.data.published_form import entry_from_records

    records = list(open_dataset(ROOT / "datasets" / "ladder" / "part-0000.parquet").records())
    name = records[0].id
    found = [record for record in records if record.id == name]
    return [{"entry.json": json.dumps(entry_from_records(found)).encode()}]


def import_as(form: str, **options: object) -> Callable[[Path], None]:
    """Return a function that imports a folder, or the only file in it, into a new data set."""

    def read(path: Path) -> None:
        from dielectra.importing.dataset import import_dataset

        output = path.parent / "imported"
        shutil.rmtree(output, ignore_errors=True)
        structure = {"structure": next(path.parent.glob("*.cif"))} if form in ("gpaw", "measured") else {}
        source = path if form in ("published", "measured") else path.parent
        import_dataset(source, output, form, **structure, **options)

    return read


def read_campaign(path: Path) -> None:
    """Read a campaign as the command line does."""
    from dielectra.abinitio.campaign import computed, export_campaign, status

    status(path.parent)
    computed(path.parent)
    export_campaign(path.parent, path.parent / "exported")


def read_part(path: Path) -> None:
    """Read a part for training and in full."""
    from dielectra.data.dataset import open_dataset

    data = open_dataset(path)
    data.labels("rpa")
    _ = data.broadening, data.engine, data.levels, data.ids
    data.properties("gap_direct")
    list(data.records())
    list(data.metals())


def read_model(path: Path) -> None:
    """Load a model whose card holds the digest of its weights, whatever they are."""
    from dielectra.models.store import load_model

    load_model(path.parent)


def with_right_digest(path: Path) -> None:
    """Write the digest of the changed weights into the card, then load."""
    card = path.with_name("card.json")
    entries = json.loads(card.read_text())
    entries["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card.write_text(json.dumps(entries))
    read_model(path)


def read_stack_file(path: Path) -> None:
    """Read a description of a stack."""
    from dielectra.stack_description import read_stack

    read_stack(path)


def read_config(path: Path) -> None:
    """Read settings of a training."""
    from dielectra.training.config import load_config

    load_config("climb", path)


def read_measured_file(path: Path) -> None:
    """Read measured optical constants."""
    from dielectra.optics.measured import read_measured

    read_measured(path)


def read_pickled(path: Path) -> None:
    """Read a pickle of spectra."""
    from dielectra.importing.pickles import read_pickle

    read_pickle(path.read_bytes(), path.name)


def read_json_document(path: Path) -> None:
    """Read JSON within budgets."""
    from dielectra.files import read_bytes
    from dielectra.parsing import parse_json, unpack_gzip

    parse_json(unpack_gzip(read_bytes(path), path), path)


def files(*patterns: str, among: Path = DATA) -> Callable[[], list[Sample]]:
    """Return a function that gives each matching file as a sample of its own."""
    return lambda: [{path.name: path.read_bytes()} for pattern in patterns for path in sorted(among.glob(pattern))]


PLAIN = {
    "geometry.in": (
        "lattice_vector 0 2.1 2.1\nlattice_vector 2.1 0 2.1\nlattice_vector 2.1 2.1 0\n"
        "atom_frac 0 0 0 Mg\natom 2.1 2.1 2.1 O\n"
    ),
    "a.cell": (
        "%BLOCK LATTICE_ABC\nang\n3.11 3.11 4.98\n90 90 120\n%ENDBLOCK LATTICE_ABC\n"
        "%BLOCK POSITIONS_FRAC\nAl 0.3333 0.6667 0\nAl 0.6667 0.3333 0.5\nN 0.3333 0.6667 0.382\n"
        "N 0.6667 0.3333 0.882\n%ENDBLOCK POSITIONS_FRAC\n"
    ),
    "a.res": (
        "TITL MgO\nCELL 0.71 4.21 4.21 4.21 90 90 90\nLATT 4\nSYMM -X, -Y, Z\nSYMM -X, Y, -Z\nSYMM X, -Y, -Z\n"
        "SFAC Mg O\nMg1 1 0 0 0 10.125\nO1 2 0.5 0.5 0.5 10.125\nEND\n"
    ),
    "pw.in": (
        "&control\n/\n&system\n ibrav=2, celldm(1)=7.95, nat=2, ntyp=2, ecutwfc=40\n/\n&electrons\n/\n"
        "ATOMIC_SPECIES\nMg 24 Mg.upf\nO 16 O.upf\nATOMIC_POSITIONS alat\nMg 0 0 0\nO 0.5 0.5 0.5\n"
    ),
    "a.axsf": (
        "ANIMSTEPS 2\nCRYSTAL\nPRIMVEC\n0 2.1 2.1\n2.1 0 2.1\n2.1 2.1 0\n"
        "PRIMCOORD 1\n2 1\n12 0 0 0\n8 2.1 2.1 2.1\nPRIMCOORD 2\n2 1\n12 0 0 0\n8 2.1 2.1 2.1\n"
    ),
    "a.mcif": (
        "data_x\n_cell_length_a 4.21\n_cell_length_b 4.21\n_cell_length_c 4.21\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_space_group_symop_magn_operation.id\n"
        "_space_group_symop_magn_operation.xyz\n1 x,y,z,+1\n2 -x,-y,-z,-1\nloop_\n"
        "_space_group_symop_magn_centering.id\n_space_group_symop_magn_centering.xyz\n1 x,y,z,+1\n"
        "2 x+1/2,y+1/2,z,+1\n3 x+1/2,y,z+1/2,-1\n4 x,y+1/2,z+1/2,-1\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\nMg1 0 0 0\nO1 0.5 0.5 0.5\n"
    ),
}
"""Structures in plain text by the names of their files."""


def trajectory() -> bytes:
    """Return a trajectory of ASE of two images."""
    from ase.build import bulk
    from ase.io import write

    target = io.BytesIO()
    write(target, [bulk("MgO", "rocksalt", 4.21), bulk("MgO", "rocksalt", 4.25)], format="traj")
    return target.getvalue()


def database() -> bytes:
    """Return a database of ASE of two rows."""
    import tempfile

    from ase.build import bulk
    from ase.db import connect

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        with connect(path) as rows:
            rows.write(bulk("MgO", "rocksalt", 4.21), key="value")
            rows.write(bulk("GaAs", "zincblende", 5.65))
        return path.read_bytes()


@cache
def poscars() -> list[Sample]:
    """Return POSCAR, extxyz, JSON lines and others of two crystals, compressed or not."""
    from ase.build import bulk
    from ase.io import write

    samples: list[Sample] = []
    for atoms in (bulk("GaAs", "zincblende", 5.65), bulk("ZnO", "wurtzite", 3.25, c=5.2)):
        for name, form in (("POSCAR", "vasp"), ("a.xyz", "extxyz"), ("a.cif", "cif"), ("a.xsf", "xsf")):
            target = io.BytesIO() if form == "cif" else io.StringIO()
            write(target, atoms, format=form)
            text = target.getvalue()
            content = text if isinstance(text, bytes) else text.encode()
            samples += [{name: content}, {f"{name}.gz": gzip.compress(content)}]
        line = {
            "cell": atoms.cell.tolist(),
            "species": list(atoms.symbols),
            "frac_coords": atoms.get_scaled_positions().tolist(),
        }
        samples.append({"a.jsonl": f"{json.dumps(line)}\n{json.dumps(line)}\n".encode()})
        samples.append({"a.json": json.dumps([line]).encode()})
    samples += [{name: content.encode()} for name, content in PLAIN.items()]
    samples += [{"a.traj": trajectory()}, {"a.db": database()}]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.cif", (ROOT / "examples" / "MgO.cif").read_bytes())
    return [*samples, {"a.zip": packed.getvalue()}]


def json_structures() -> list[Sample]:
    """Return crystals in JSON of every kind."""
    lines = [sample for sample in poscars() if "a.jsonl" in sample]
    return [*lines, *files("structures/forms/*.json", "structures/hostile/*.jsonl")()]


def yambo_runs() -> list[Sample]:
    """Return finished runs; either the output or the input of pw.x is changed."""
    samples: list[Sample] = []
    for folder in sorted((DATA / "yambo_cases").iterdir()):
        contents = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        samples += [{name: contents[name], **contents} for name in contents]
    return samples


def gpaw_tables() -> list[Sample]:
    """Return response functions as GPAW writes them."""
    energies = np.linspace(0, 25, 126)
    eps = 1 + 40 / (7.0**2 - (energies + 0.2j) ** 2)
    target = io.StringIO()
    np.savetxt(target, np.column_stack([energies, eps.real, eps.imag, eps.real, eps.imag]), delimiter=",")
    table = target.getvalue().encode()
    structure = (ROOT / "examples" / "AlN.cif").read_bytes()
    return [{"df_x.csv": table, "df_z.csv": table, "AlN.cif": structure}]


def elk_runs() -> list[Sample]:
    """Return files of Elk."""
    contents = {path.name: path.read_bytes() for path in sorted((DATA / "elk" / "Si").iterdir())}
    plain = {name.removesuffix(".gz"): gzip.decompress(data) for name, data in contents.items() if name.endswith(".gz")}
    files = {name: data for name, data in contents.items() if not name.endswith(".gz")} | plain
    return [{name: files[name], **files} for name in files]


def pairs() -> list[Sample]:
    """Return a spectrum beside its structure."""
    rows = "".join(f"{0.25 * i},1.5,{0.1 * (i % 7)}\n" for i in range(101))
    table, structure = f"energy_ev,eps1,eps2\n{rows}".encode(), (ROOT / "examples" / "MgO.cif").read_bytes()
    return [{"MgO.csv": table, "MgO.cif": structure}, {"MgO.cif": structure, "MgO.csv": table}]


def vasp_runs() -> list[Sample]:
    """Return outputs of VASP that the repository has, if any, and a small one."""
    rows = "".join(f"<r> {0.5 * i} 1 1 1 0 0 0 </r>" for i in range(41))
    half = f"<array><set>{rows}</set></array>"
    structure = (
        "<crystal><varray name='basis'><v>0 2.1 2.1</v><v>2.1 0 2.1</v><v>2.1 2.1 0</v></varray></crystal>"
        "<varray name='positions'><v>0 0 0</v><v>.5 .5 .5</v></varray></structure>"
    )
    atoms = "<rc><c>Mg</c><c>1</c></rc><rc><c>O</c><c>2</c></rc>"
    forces = "<varray name='forces'><v>0 0 0</v><v>0 0 0</v></varray>"
    energy = "<energy><i name='e_fr_energy'>-1</i><i name='e_wo_entrp'>-1</i><i name='e_0_energy'>-1</i></energy>"
    text = (
        "<?xml version='1.0'?><modeling><generator><i name='version'>6.4.1</i></generator><incar/>"
        f"<atominfo><array name='atoms'><set>{atoms}</set></array></atominfo>"
        f"<kpoints/><structure name='initialpos'>{structure}"
        f"<calculation><scstep>{energy}</scstep><structure>{structure}"
        f"{forces}{energy}<dielectricfunction><imag>{half}</imag><real>{half}</real></dielectricfunction></calculation>"
        f"<structure name='finalpos'>{structure}</modeling>"
    )
    return [{"vasprun.xml": text.encode()}]


def measured_pages() -> list[Sample]:
    """Return pages of refractiveindex.info with a structure."""
    rows = "\n".join(f"        {wavelength} 2.3 0.1" for wavelength in (0.1, 0.5, 1.5))
    page = f"DATA:\n  - type: tabulated nk\n    data: |\n{rows}\n".encode()
    structure = (ROOT / "examples" / "MgO.cif").read_bytes()
    return [{"page.yml": page, "MgO.cif": structure}]


def pickles() -> list[Sample]:
    """Return pickles of arrays and plain data by several protocols."""
    content = [{"data": {"epsI": np.arange(5.0), "w": [1.0, 2.0]}, "parameters": (None, True, b"x", 10**30)}] * 2
    return [{"data.pckl": pickle.dumps(content, protocol)} for protocol in range(6)]


@cache
def parts() -> list[Sample]:
    """Return a part of few records."""
    import pyarrow.parquet as pq

    table = pq.read_table(ROOT / "datasets" / "ladder" / "part-0000.parquet").slice(0, 6)
    target = io.BytesIO()
    pq.write_table(table, target)
    return [{"part-0000.parquet": target.getvalue()}]


@cache
def models() -> list[Sample]:
    """Return a small model; its card is changed."""
    import tempfile

    import torch

    from dielectra.models.store import build_network, load_model, save_model

    shipped = load_model("ladder-ipa")
    small = {"node_widths": [4], "convolutions": [[4, 2]], "output_widths": [8], "n_gaussians": 5}
    card = shipped.card.model_copy(update={"options": {**shipped.card.options, **small}})
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        save_model(build_network(card.architecture, card.options, card.target), card, folder)
        contents = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return [{"card.json": contents["card.json"], **contents}]


def weights() -> list[Sample]:
    """Return the same model; its weights are changed."""
    return [{"model.safetensors": sample["model.safetensors"], **sample} for sample in models()]


def campaigns() -> list[Sample]:
    """Return the job tables of campaigns."""
    folder = DATA / "campaign_v1"
    record = (folder / "records" / "m-Li.parquet").read_bytes()
    return [{"jobs.sqlite": (folder / "jobs.sqlite").read_bytes(), "records/m-Li.parquet": record}]


def configs() -> list[Sample]:
    """Return settings of trainings."""
    return [{"config.yaml": b"epochs: 10\nlearning_rate: 1.0e-4\nnetwork: {output_widths: [8, 8]}\nbatch_size: 16\n"}]


READERS: dict[str, Reader] = {
    "cif": Reader(files("structures/cif/*.cif", "structures/hostile/*.cif"), read_crystals),
    "cif of the examples": Reader(files("*.cif", among=ROOT / "examples"), read_crystals),
    "structures of other formats": Reader(poscars, read_crystals),
    "structures in JSON": Reader(json_structures, read_crystals, change_json),
    "yambo": Reader(yambo_runs, import_as("yambo")),
    "gpaw": Reader(gpaw_tables, import_as("gpaw", broadening=0.2)),
    "vasp": Reader(vasp_runs, import_as("vasp")),
    "elk": Reader(elk_runs, import_as("elk")),
    "pairs": Reader(pairs, import_as("pairs", level="bse")),
    "published JSON": Reader(
        published_entries,
        import_as("published"),
        change_json,
    ),
    "pickles": Reader(pickles, read_pickled),
    "measured tables": Reader(files("nk/*"), read_measured_file),
    "measured pages": Reader(measured_pages, import_as("measured", energies="1,10,19"), change_yaml),
    "stacks": Reader(files("stack.yaml", among=ROOT / "examples"), read_stack_file, change_yaml),
    "settings": Reader(configs, read_config, change_yaml),
    "parts": Reader(parts, read_part, change_parquet),
    "cards": Reader(models, read_model, change_json),
    "weights": Reader(weights, with_right_digest),
    "job tables": Reader(campaigns, read_campaign, change_sqlite),
    "compressed JSON": Reader(files("yambo/*.json.gz"), read_json_document, change_gzip),
}
