"""Spectra of known crystals by two protocols, against Yambo and measurement: docs/validation.md says how to run it."""

import argparse
from pathlib import Path

import numpy as np

from dielectra.abinitio.campaign import computed
from dielectra.abinitio.convergence import compare_protocols
from dielectra.abinitio.task import record_path
from dielectra.data.dataset import open_dataset
from dielectra.errors import InputError
from dielectra.optics.measured import measured_page
from dielectra.plots import plot_validation, save_figure
from dielectra.predictor import predict
from dielectra.spectrum import similarity
from dielectra.structures import read_structure

HERE = Path(__file__).parent
YAMBO = HERE.parent / "tests" / "data" / "yambo" / "o-RPA_dir_001_sc_4000.eps_q1_inv_rpa_dyson.gz"
YAMBO_NAME = "Ca4As2O"
PAGES = ("main/Si/nk/Franta-300K.yml", "main/AlAs/nk/Rakic.yml", "main/SrF2/nk/Rodriguez-de Marcos.yml")
LOWEST = 0.5  # eV; phonons absorb below
SHIFTS = np.arange(0.0, 4.0, 0.05)


def spectra(campaign, name):
    """Return the spectra of a material by level, none where the campaign does not hold it."""
    path = record_path(campaign, name)
    return {r.spectrum.level: r.spectrum for r in open_dataset(path).records()} if path.is_file() else {}


def best_shift(energies, eps2, page):
    """Return the rigid shift (eV) that brings a computed eps2 closest to the measured one, and SC without and with."""
    inside = (page.spectrum.energies > LOWEST) & (page.spectrum.energies < energies[-1])
    grid, function = page.spectrum.energies[inside], page.spectrum.mean[inside]
    shifted = np.array([np.interp(grid - shift, energies, eps2) for shift in SHIFTS])
    scores = similarity(shifted, function.imag, grid)
    best = int(scores.argmax())
    return float(SHIFTS[best]), float(scores[0]), float(scores[best])


def predicted_line(name, computed_spectra):
    """Return the table line of what the shipped networks predict; none where they have no features for an element."""
    crystal = read_structure(HERE.parent / "examples" / f"{name}.cif")
    predictions, scores = {}, []
    for level, spectrum in computed_spectra.items():
        try:
            predictions[level] = predict(crystal, level)
        except InputError:
            return f"| {name} | - | - | - | - |"
        scores.append(similarity(predictions[level].mean.imag, spectrum.mean.imag, spectrum.energies))
    static = [f"{each['rpa'].mean[0].real:.1f}" for each in (computed_spectra, predictions)]
    return f"| {name} | " + " | ".join([*(f"{score:.2f}" for score in scores), *static]) + " |"


def row_of(entry, campaign, reference, scores, measured):
    """Return what the figure shows of a crystal, with its lines of the table."""
    name = entry["id"]
    coarse, fine = spectra(campaign, name), spectra(reference, name)
    component = "zz" if name == YAMBO_NAME else "mean"
    energies = coarse["ipa"].energies
    row = {
        "title": f"{name}, zz" if component == "zz" else f"{name}, direct PBE gap {entry['gap_direct_ev']:.2f} eV",
        "energies": energies,
        "coarse": {level: spectrum.component(component).imag for level, spectrum in coarse.items()},
        "fine": {level: spectrum.component(component).imag for level, spectrum in fine.items()},
        "sc": scores.get(name, {}),
        "others": [],
    }
    if name == YAMBO_NAME:
        from dielectra.importing.computations import read_text
        from dielectra.importing.yambo_files import parse_response

        yambo = parse_response(read_text(YAMBO), str(YAMBO))
        for level in ("ipa", "rpa"):
            other = yambo.functions[level].imag[::5]
            row["sc"][level] = float(similarity(row["coarse"][level], other, energies))
            row["others"].append((level, f"Yambo, {level.upper()}", yambo.energies, yambo.functions[level].imag))
    if name in measured:
        page = measured[name]
        spectrum = page.spectrum
        row["others"].append((None, f"measured ({page.kind.split()[0]})", spectrum.energies, spectrum.mean.imag))
        row["measured"] = {
            "static_n": float(np.sqrt(np.interp(LOWEST, spectrum.energies, spectrum.mean.real))),
            "static_n_rpa": float(np.sqrt((fine or coarse)["rpa"].mean[0].real)),
            "shift": best_shift(energies, (fine or coarse)["rpa"].mean.imag, page),
        }
    return row


parser = argparse.ArgumentParser()
parser.add_argument("campaign", type=Path)
parser.add_argument("reference", type=Path)
parser.add_argument("--plot", required=True)
arguments = parser.parse_args()

measured = {page.formula: page for page in map(measured_page, PAGES)}
scores = compare_protocols(arguments.campaign, arguments.reference)
fine_seconds = {entry["id"]: entry["cpu_seconds"] for entry in computed(arguments.reference)}
heads = ("crystal", "PBE gap (eV)", "static eps IPA, RPA", "CPU s", "CPU s fine", "SC IPA", "SC RPA")
print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
rows = []
for entry in computed(arguments.campaign):
    row = row_of(entry, arguments.campaign, arguments.reference, scores, measured)
    rows.append(row)
    static = ", ".join(f"{entry['static_eps'][level]:.2f}" for level in ("ipa", "rpa"))
    values = " | ".join(f"{row['sc'][level]:.3f}" if level in row["sc"] else "-" for level in ("ipa", "rpa"))
    fine = f"{fine_seconds[entry['id']]:.0f}" if entry["id"] in fine_seconds else "-"
    gap, seconds = f"{entry['gap_direct_ev']:.2f}", f"{entry['cpu_seconds']:.0f}"
    print(f"| {entry['id']} | {gap} | {static} | {seconds} | {fine} | {values} |")
print("\n| crystal | n measured, RPA | shift of eps2 to the measured (eV) | SC without, with |\n|---|---|---|---|")
for row in rows:
    if found := row.get("measured"):
        shift, without, with_shift = found["shift"]
        n = f"{found['static_n']:.2f}, {found['static_n_rpa']:.2f}"
        print(f"| {row['title'].split(',')[0]} | {n} | {shift:.2f} | {without:.2f}, {with_shift:.2f} |")
print("\n| crystal | SC IPA | SC RPA | static eps RPA | predicted |\n|---|---:|---:|---:|---:|")
for entry in computed(arguments.campaign):
    name = entry["id"]
    print(predicted_line(name, spectra(arguments.reference, name) or spectra(arguments.campaign, name)))
save_figure(plot_validation(rows), arguments.plot)
