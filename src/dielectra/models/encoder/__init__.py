"""Features of atoms from the interaction layers of a foundation potential, frozen."""
