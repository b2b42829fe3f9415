"""Turn a source of any form into a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dielectra.importing.importer import load_importer, make_options
from dielectra.importing.outcomes import ImportReport, write_dataset


def import_dataset(source: str | Path, output: str | Path, form: str = "published", **options: Any) -> ImportReport:
    """Write the records of a source as a new data set in ladder schema.

    Parameters
    ----------
    source
        File or folder of the form.
    output
        New folder.
    form
        Registered name: ``published``, ``pairs``, ``measured``, ``yambo``, ``gpaw``, ``vasp``, or that of another
        package.
    options
        Those of the form; None stands for its default.

    Returns
    -------
    ImportReport
        Counts, with reasons for what was left out.

    Raises
    ------
    InputError
        If the form or an option does not fit, the source or output cannot be used, or nothing remains.
    """
    importer = load_importer(form)
    chosen = make_options(importer, {name: value for name, value in options.items() if value is not None})
    return write_dataset(importer.read(Path(source), chosen), output, importer.describe(Path(source), chosen))
