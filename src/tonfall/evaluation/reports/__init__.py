"""Reports: JSON with a schema, and a page, pictures and leaderboards made from it."""

from tonfall.evaluation.reports.building import make_report
from tonfall.evaluation.reports.page import report_page
from tonfall.evaluation.reports.pictures import PICTURES, save_pictures
from tonfall.evaluation.reports.saving import predictions_table, save_report
from tonfall.evaluation.reports.schema import SCHEMA_VERSION, Report, read_report, write_report
from tonfall.evaluation.reports.wording import in_words

__all__ = [
    "PICTURES",
    "SCHEMA_VERSION",
    "Report",
    "in_words",
    "make_report",
    "predictions_table",
    "read_report",
    "report_page",
    "save_pictures",
    "save_report",
    "write_report",
]
