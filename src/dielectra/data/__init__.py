"""Data sets of spectra: schema, storage, summaries."""
