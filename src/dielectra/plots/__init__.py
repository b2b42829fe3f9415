"""Every figure, one style."""

from dielectra.plots.learning import plot_evaluation, plot_learning_curve, plot_training_log
from dielectra.plots.optics import plot_colours, plot_measured, plot_oscillators, plot_stack
from dielectra.plots.spectra import plot_predictions, plot_spectra_panels, plot_summary
from dielectra.plots.style import save_figure

__all__ = [
    "plot_colours",
    "plot_evaluation",
    "plot_learning_curve",
    "plot_measured",
    "plot_oscillators",
    "plot_predictions",
    "plot_spectra_panels",
    "plot_stack",
    "plot_summary",
    "plot_training_log",
    "save_figure",
]
