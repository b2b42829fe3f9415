"""The Yambo engine against the authors' original files, and its Quantum ESPRESSO part against pw.x itself."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from ase.io.espresso import read_espresso_in, read_fortran_namelist

from dielectra.abinitio import yambo
from dielectra.abinitio.computation import RefusedError
from dielectra.abinitio.espresso import (
    Bands,
    find_pseudopotentials,
    offset_kpoints,
    pw_input,
    reciprocal_grid,
    total_energy,
    valence_electrons,
)
from dielectra.abinitio.protocol import GRUNERT_2025
from dielectra.abinitio.yambo_files import (
    block_sizes,
    block_suffices,
    job_name,
    write_inputs,
)
from dielectra.crystal import Crystal, make_crystal
from dielectra.errors import InputError
from dielectra.importing.computations import tensors_of
from dielectra.importing.yambo import curves_of
from dielectra.importing.yambo_files import Response, parse_response
from dielectra.structures import read_structure
from dielectra.structures.espresso import read_pw_input
from dielectra.symmetry import point_group_rotations, standardise

MISSING = "level {}: no response along 1 0 0; the crystal's symmetry asks for these directions of q -> 0"
SAMPLE = Path(__file__).parent / "data" / "yambo"
ESPRESSO_PSEUDO = Path("/usr/share/espresso/pseudo")
needs_pw = pytest.mark.skipif(
    shutil.which("pw.x") is None or not (ESPRESSO_PSEUDO / "Si.pbe-rrkj.UPF").is_file(),
    reason="needs pw.x and a pseudopotential: Debian's packages quantum-espresso and quantum-espresso-data",
)


def original_output() -> str:
    return gzip.decompress((SAMPLE / "o-RPA_dir_001_sc_4000.eps_q1_inv_rpa_dyson.gz").read_bytes()).decode()


def original_input() -> Path:
    return SAMPLE / "pw_agm001074044_nscf_k1500_E65.in"


def paper_record() -> dict[str, list[float]]:
    return json.loads(gzip.decompress((SAMPLE / "paper_pipeline_agm001074044_zz.json.gz").read_bytes()))


def original_crystal() -> Crystal:
    return read_pw_input(original_input().read_text())


def input_footer() -> str:
    """Return Yambo's own repetition of its input, without comments."""
    lines = [line[3:].split("#")[0].strip() for line in original_output().splitlines() if line.startswith("# |")]
    return "\n".join(lines)


def entries(text: str) -> dict[str, list[str]]:
    """Read Yambo's input: the words of each named value or block."""
    blocks = {name: re.split(r"[\s|]+", body.strip(" |\n")) for name, body in re.findall(r"% (\w+)\n(.*)\n%", text)}
    values = {name: body.split() for name, body in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE)}
    return blocks | values


def test_parsed_spectrum_equals_the_papers_record_exactly() -> None:
    response, record = parse_response(original_output()), paper_record()
    assert response.energies.tolist() == record["E_eV"]
    assert response.functions["rpa"].imag.tolist() == record["rpa_eps_im"]
    assert response.functions["rpa"].real.tolist() == record["rpa_eps_re"]
    assert response.functions["ipa"].imag.tolist() == record["ipa_eps_im"]
    assert response.functions["ipa"].real.tolist() == record["ipa_eps_re"]
    assert response.direction == (0.0, 0.0, 1.0)
    assert (response.block, response.broadening, response.version) == (153, 0.3, "5.2.0")


def test_written_nscf_input_has_the_content_of_the_original() -> None:
    crystal = original_crystal()
    files = {number: Path(f"/upf/{name}.upf") for number, name in ((33, "As"), (20, "Ca"), (8, "O"))}
    text = write_inputs(crystal, GRUNERT_2025, files, n_electrons=56, cutoff=65, n_bands=85)["nscf.in"]
    ours, our_cards = read_fortran_namelist(text.splitlines(keepends=True))
    theirs, their_cards = read_fortran_namelist(original_input().read_text().splitlines(keepends=True))
    for section in ("control", "system", "electrons"):
        for key, value in theirs[section].items():
            if key not in ("ibrav", "celldm(1)", "celldm(3)", "prefix", "pseudo_dir"):
                expected = pytest.approx(value, rel=2e-6) if isinstance(value, float) else value
                assert ours[section][key] == expected, key
    atoms = read_espresso_in(StringIO(text))
    assert np.allclose(atoms.cell, crystal.cell, atol=1e-9)
    assert atoms.numbers.tolist() == crystal.numbers.tolist()
    assert np.allclose(atoms.get_scaled_positions(wrap=False), crystal.frac_coords, atol=1e-8)
    points = [
        np.array([line.split() for line in cards[cards.index(f"{len_line}") + 1 :]], float)
        for cards, len_line in ((our_cards, "216"), (their_cards, "216"))
    ]
    assert np.allclose(points[0], points[1], atol=1e-8)  # in the original's order


def test_written_yambo_input_has_the_content_of_the_original() -> None:
    files = {number: Path(f"/upf/{number}.upf") for number in (33, 20, 8)}
    inputs = write_inputs(original_crystal(), GRUNERT_2025, files, 56, 65, 85)
    assert set(inputs) == {"scf.in", "nscf.in"} | {
        f"RPA_dir_{axis}_sc_{block}.in" for axis in ("100", "001") for block in (0, 2000, 4000, 6000, 8000, 10000)
    }
    ours, theirs = entries(inputs["RPA_dir_001_sc_4000.in"]), entries(input_footer())
    for name in ("QpntsRXd", "BndsRnXd", "EnRngeXd", "DmRngeXd", "LongDrXd", "ETStpsXd"):
        assert [float(word) for word in ours[name] if word != "eV"] == [
            float(word) for word in theirs[name] if word != "eV"
        ]
    assert ours["Chimod"] == theirs["Chimod"]
    assert ours["NGsBlkXd"] == ["4000", "mRy"]  # Yambo raised it to a closed shell, 4007 mRy
    assert {"optics", "chi"} <= set(inputs["RPA_dir_001_sc_4000.in"].split())
    assert entries(inputs["RPA_dir_100_sc_0.in"])["NGsBlkXd"] == ["1", "RL"]


def scaled(response: Response, **factors: float) -> Response:
    return response._replace(functions={k: v * factors.get(k, 1.0) for k, v in response.functions.items()})


def test_block_grows_in_steps_until_two_spectra_agree() -> None:
    response = parse_response(original_output())
    assert block_sizes(GRUNERT_2025) == [2.0, 4.0, 6.0, 8.0, 10.0]
    assert block_suffices(response, response, GRUNERT_2025)
    assert not block_suffices(scaled(response, rpa=0.8), response, GRUNERT_2025)
    assert block_suffices(scaled(response, rpa=0.95), response, GRUNERT_2025)


def test_tensor_is_made_of_the_largest_blocks_along_the_axes() -> None:
    along_z = parse_response(original_output())
    along_x = scaled(along_z, ipa=2, rpa=3)._replace(direction=(1.0, 0.0, 0.0))
    small = scaled(along_z, rpa=0.1)._replace(block=1)
    rotations = point_group_rotations(original_crystal(), 1e-3)

    def spectra(*responses: Response) -> tuple[dict[str, np.ndarray], list[str]]:
        found, problems = tensors_of([c for i, r in enumerate(responses) for c in curves_of(str(i), r)], rotations)
        return {spectrum.level: spectrum.tensor for spectrum in found}, problems

    tensors, problems = spectra(along_z, along_x, small)
    assert problems == []
    assert np.allclose(tensors["rpa"][2, 2], along_z.functions["rpa"])
    assert np.allclose(tensors["rpa"][0, 0], 3 * along_z.functions["rpa"])
    assert np.allclose(tensors["ipa"][1, 1], 2 * along_z.functions["ipa"])
    assert np.abs(tensors["rpa"][0, 1]).max() < 1e-9
    assert spectra(along_z, small) == ({}, [MISSING.format("rpa"), MISSING.format("ipa")])
    other = scaled(along_z, rpa=0.5)
    assert "level rpa: 0 and 2 are both along 0 0 1 and differ" in spectra(along_z, along_x, other)[1][0]


def test_other_files_are_refused() -> None:
    with pytest.raises(InputError, match=r"thesis\.txt: needs the line 'Absorption @ Q\(1\)'"):
        parse_response("my thesis", "thesis.txt")
    with pytest.raises(InputError, match="is it complete"):
        parse_response(original_output()[:40000], "cut.txt")


def test_grid_offset_and_output_values_of_the_original_run() -> None:
    record = paper_record()
    assert np.allclose(original_crystal().cell, record["lattice"], atol=2e-6)
    assert reciprocal_grid(original_crystal(), 1500) == (6, 6, 6)
    points = offset_kpoints((2, 2, 2), GRUNERT_2025.kpoint_offset)
    assert points[0].tolist() == [0.015625, 0.03125, 0.046875]
    bands = Bands(np.array([[-1.0, 0.0, 2.0, 9.0], [-2.0, -0.5, 1.5, 12.0]]), 4)
    assert bands.gaps == (2.0, 1.5)
    assert bands.bands_below(5.0) == 3
    assert bands.bands_below(10.0) is None
    with pytest.raises(InputError, match="self-consistency"):
        total_energy((SAMPLE / "pw_agm001074044_nscf_k1500_E65.out").read_text())


def test_pseudopotentials_are_found_by_element(tmp_path: Path) -> None:
    crystal = make_crystal(np.eye(3) * 4, ["Ca", "O"], [0, 0, 0, 0.5, 0.5, 0.5])
    for name in ("Ca_ONCV_PBE-1.2.upf", "O.UPF", "Os.upf", "C.upf"):
        (tmp_path / name).write_text('<PP_HEADER z_valence=" 6.00E+00"/>')
    found = find_pseudopotentials(tmp_path, crystal)
    assert {number: path.name for number, path in found.items()} == {20: "Ca_ONCV_PBE-1.2.upf", 8: "O.UPF"}
    assert valence_electrons(found[8].read_text()) == 6.0
    assert valence_electrons("    4.00000000000      Z valence") == 4.0
    (tmp_path / "O_other.upf").write_text("")
    with pytest.raises(InputError, match=r"one UPF file of O is needed.*O\.UPF, O_other\.upf"):
        find_pseudopotentials(tmp_path, crystal)


def test_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"needs pw\.x, p2y, yambo on PATH"):
        yambo.require()


@pytest.fixture
def silicon_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> yambo.Run:
    """Return a coarse computation of silicon with the pseudopotential of Debian's package."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "upf").mkdir()
    (tmp_path / "upf" / "Si.UPF").symlink_to(ESPRESSO_PSEUDO / "Si.pbe-rrkj.UPF")
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path / "upf"))
    settings = {"kpoints_per_reciprocal_atom": 16, "first_cutoff": 12, "band_energy": 15.0}
    crystal = standardise(read_structure("examples/Si.cif"))
    files = find_pseudopotentials(tmp_path / "upf", crystal)
    return yambo.Run(crystal, GRUNERT_2025.model_copy(update=settings), files, tmp_path, tmp_path / "log.txt")


@pytest.mark.slow
@needs_pw
def test_pw_runs_the_written_inputs(silicon_run: yambo.Run) -> None:
    assert silicon_run.n_electrons == 8
    cutoff = yambo.converge_cutoff(silicon_run)
    assert cutoff in (17, 22)
    bands, n_bands = yambo.shifted_bands(silicon_run, cutoff)
    assert bands.n_electrons == 8
    assert bands.eigenvalues.shape == (8, n_bands)
    assert bands.gaps[0] > bands.gaps[1] > 0.4  # silicon's gap is indirect, 0.6 eV in PBE
    assert 10 < n_bands < 40


@needs_pw
@pytest.mark.slow
def test_a_failing_pw_run_is_told_with_its_log(silicon_run: yambo.Run) -> None:
    broken = pw_input(silicon_run.crystal, silicon_run.protocol, "scf", silicon_run.pseudopotentials, 12, 2, (1, 1, 1))
    with pytest.raises(yambo.ComputationError, match=r"Si: pw\.x failed in its scf run"):
        yambo._run_pw(silicon_run, "scf", broken)
    assert "Error in routine" in (silicon_run.folder / "log.txt").read_text()


def test_odd_electron_counts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Al.upf").write_text('<PP_HEADER z_valence="3.0"/>')
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))
    aluminium = make_crystal(np.eye(3) * 3, ["Al"], [0, 0, 0])
    with pytest.raises(RefusedError, match="odd number"):
        yambo.compute(aluminium)
    with pytest.raises(RefusedError, match="magnetic"):
        yambo.compute(aluminium, magnetic_moment=1.0)
    monkeypatch.delenv("ESPRESSO_PSEUDO")
    with pytest.raises(InputError, match="set it to a folder of UPF files"):
        yambo.compute(aluminium)


@pytest.mark.slow
@needs_pw
def test_whole_engine_with_recorded_yambo_output(silicon_run: yambo.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """pw.x computes; in place of Yambo, which no package ships, two scripts answer with its original output."""
    programs = silicon_run.folder / "bin"
    programs.mkdir()
    output = silicon_run.folder / "recorded"
    output.write_text(original_output().replace("0.00000000      0.00000000      1.00000000", "1.0      0.0      0.0"))
    (programs / "p2y").write_text("#!/bin/sh\ntest -f data-file-schema.xml && mkdir ../../SAVE\n")
    (programs / "yambo").write_text(
        f'#!/bin/sh\ntest -d SAVE || exit 1\n[ -z "$4" ] || cp {output} "o-$4.eps_q1_inv_rpa_dyson"\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    yambo.require()
    found = yambo.compute(silicon_run.crystal, silicon_run.protocol, log=silicon_run.log)
    record = paper_record()
    for axis in range(3):
        assert np.allclose(found.tensors["rpa"][axis, axis].imag, record["rpa_eps_im"][::5])
    log = (silicon_run.folder / "log.txt").read_text()
    assert log.count("yambo -F") == 2  # one G vector, 2 Ry: the same spectrum, so that no larger block is tried
    assert job_name((1, 0, 0), 2.0) in log
    assert not silicon_run.log.with_name("log.txt.files").exists()
    assert set(found.cpu_seconds) == {"ground_state", "bands", "response"}
