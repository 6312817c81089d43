"""Reports: JSON with a schema, and a page, pictures and leaderboards made from it."""

from tonfall.evaluation.reports.building import make_report
from tonfall.evaluation.reports.comparing import ReportComparison, compare_reports
from tonfall.evaluation.reports.keeping import KEPT_SUFFIX, keep_report, slimmed, worth_keeping
from tonfall.evaluation.reports.leaderboard import (
    find_report_files,
    find_reports,
    leaderboard_page,
    published_figures,
)
from tonfall.evaluation.reports.matrices import (
    Cell,
    Matrix,
    corpus_matrix,
    draw_matrix,
    markdown,
    robustness_matrix,
)
from tonfall.evaluation.reports.matrix_files import (
    MATRIX_SUFFIX,
    find_matrices,
    keep_matrix,
    read_matrix,
    save_matrix,
    write_matrix,
)
from tonfall.evaluation.reports.model_pages import model_names, model_page
from tonfall.evaluation.reports.page import report_page
from tonfall.evaluation.reports.pictures import PICTURES, save_pictures
from tonfall.evaluation.reports.saving import predictions_table, save_report
from tonfall.evaluation.reports.schema import SCHEMA_VERSION, Report, read_report, write_report
from tonfall.evaluation.reports.wording import in_words

__all__ = [
    "KEPT_SUFFIX",
    "MATRIX_SUFFIX",
    "PICTURES",
    "SCHEMA_VERSION",
    "Cell",
    "Matrix",
    "Report",
    "ReportComparison",
    "compare_reports",
    "corpus_matrix",
    "draw_matrix",
    "find_matrices",
    "find_report_files",
    "find_reports",
    "in_words",
    "keep_matrix",
    "keep_report",
    "leaderboard_page",
    "make_report",
    "markdown",
    "model_names",
    "model_page",
    "predictions_table",
    "published_figures",
    "read_matrix",
    "read_report",
    "report_page",
    "robustness_matrix",
    "save_matrix",
    "save_pictures",
    "save_report",
    "slimmed",
    "worth_keeping",
    "write_matrix",
    "write_report",
]
