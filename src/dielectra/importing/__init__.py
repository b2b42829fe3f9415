"""Bring in spectra that others computed or measured: one importer per form of file.

:func:`dielectra.importing.dataset.import_dataset` turns a source of any form into a data set.
"""
