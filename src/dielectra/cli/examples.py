"""Examples that the help of each verb ends with."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "predict": (
        "dielectra predict MgO.cif --plot MgO.png",
        "dielectra predict crystals/ -o table.parquet",
        "dielectra predict GaAs.cif --unit nm --range 400:800 --step 5 --csv spectra",
        "dielectra predict GaAs.cif --property slme --property colour",
        "dielectra predict Si.cif --compare ipa --compare measured --plot compared.png",
    ),
    "stack": (
        "dielectra stack examples/stack.yaml --plot stack.png",
        "dielectra stack examples/stack.yaml --set polarisation=p --unit nm --range 400:800",
    ),
    "elements": ("dielectra elements", "dielectra elements --model fast --plot elements.png"),
    "screen": (
        "dielectra screen structures.jsonl.gz -o result --workers 2",
        "dielectra screen structures.jsonl.gz -o result --where 'gap_ev > 3 AND n_589_3nm > 2'",
    ),
    "query": ("dielectra query result 'SELECT formula, gap_ev FROM crystals ORDER BY gap_ev DESC LIMIT 10'",),
    "train": (
        "dielectra train ladder-2 --level rpa -o my-model",
        "dielectra train ladder-2 --level ipa,rpa --recipe ensemble -o my-ensemble",
    ),
    "climb": (
        "dielectra climb ladder-2 --to rpa --n 100 -o climbed",
        "dielectra climb my-set --to bse --from ladder-rpa -o my-model",
    ),
    "suggest": ("dielectra suggest pool/ --n 50 --data ladder-2 --model ladder-ensemble",),
    "evaluate": ("dielectra evaluate ladder-ensemble ladder-2 --level rpa --plot scores.png",),
    "compute": (
        "dielectra compute MgO.cif -o campaign",
        "dielectra compute crystals/ -o campaign --create-only",
    ),
    "campaign": ("dielectra campaign run campaign --workers 2", "dielectra campaign status campaign"),
    "data": (
        "dielectra data info ladder-2",
        "dielectra data import my-spectra -o my-set --form pairs --level bse",
        "dielectra data join ladder-2 lrc:lrc my-set:bse -o together",
    ),
    "models": ("dielectra models list", "dielectra models info ladder-ensemble"),
    "reproduce": ("dielectra reproduce learning-curve --quick -o paper",),
    "serve": ("dielectra serve", "dielectra serve --port 0 --model my-model"),
    "mcp": ("dielectra mcp --folder structures",),
}
"""Lines of the shell by verb."""

FIRST_STEPS = (
    "dielectra predict MgO.cif --plot MgO.png",
    "dielectra serve",
    "dielectra VERB --help",
)


def epilogue(lines: tuple[str, ...]) -> str:
    """Return what a help text ends with."""
    shown = "\n".join(f"    {line}" for line in lines)
    return f"Examples:\n\n{shown}\n"
