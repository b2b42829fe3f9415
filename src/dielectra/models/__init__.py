"""Network architectures, and weights with their cards."""
