"""Ab initio engines that compute spectra, and the protocols that fix their settings."""
