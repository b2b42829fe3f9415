"""Every figure, one style."""

from dielectra.plots.learning import plot_evaluation, plot_learning_curve, plot_training_log
from dielectra.plots.spectra import plot_predictions, plot_summary
from dielectra.plots.style import save_figure

__all__ = [
    "plot_evaluation",
    "plot_learning_curve",
    "plot_predictions",
    "plot_summary",
    "plot_training_log",
    "save_figure",
]
