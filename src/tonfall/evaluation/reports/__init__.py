"""Reports: JSON with a schema, and a page, pictures and leaderboards made from it."""

from tonfall.evaluation.reports.building import make_report
from tonfall.evaluation.reports.comparing import ReportComparison, compare_reports
from tonfall.evaluation.reports.leaderboard import (
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
    read_matrix,
    save_matrix,
    write_matrix,
)
from tonfall.evaluation.reports.page import report_page
from tonfall.evaluation.reports.pictures import PICTURES, save_pictures
from tonfall.evaluation.reports.saving import predictions_table, save_report
from tonfall.evaluation.reports.schema import SCHEMA_VERSION, Report, read_report, write_report
from tonfall.evaluation.reports.wording import in_words

__all__ = [
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
    "find_reports",
    "in_words",
    "leaderboard_page",
    "make_report",
    "markdown",
    "predictions_table",
    "published_figures",
    "read_matrix",
    "read_report",
    "report_page",
    "robustness_matrix",
    "save_matrix",
    "save_pictures",
    "save_report",
    "write_matrix",
    "write_report",
]
