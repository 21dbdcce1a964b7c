"""The report of a run: one HTML file that shows what was seen, noticed and decided, and how to prove it."""

from holdfast.app.report.data import PARTS, ReportData, Series
from holdfast.app.report.page import render, write_report

__all__ = ["PARTS", "ReportData", "Series", "render", "write_report"]
