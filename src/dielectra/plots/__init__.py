"""Every figure, one style."""

from dielectra.plots.abinitio import plot_costs, plot_static_parity, plot_validation
from dielectra.plots.comparison import plot_comparison
from dielectra.plots.learning import plot_evaluation, plot_learning_curve, plot_training_log
from dielectra.plots.optics import plot_colours, plot_measured, plot_oscillators, plot_stack
from dielectra.plots.screening import plot_distributions
from dielectra.plots.spectra import plot_predictions, plot_quantity
from dielectra.plots.style import check_figure_path, save_figure
from dielectra.plots.summary import plot_summary

__all__ = [
    "check_figure_path",
    "plot_colours",
    "plot_comparison",
    "plot_costs",
    "plot_distributions",
    "plot_evaluation",
    "plot_learning_curve",
    "plot_measured",
    "plot_oscillators",
    "plot_predictions",
    "plot_quantity",
    "plot_stack",
    "plot_static_parity",
    "plot_summary",
    "plot_training_log",
    "plot_validation",
    "save_figure",
]
