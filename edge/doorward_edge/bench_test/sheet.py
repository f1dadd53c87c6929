"""The report sheet: one page of HTML in both languages, to be printed and signed."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from doorward_edge.bench_test.results import Report, Verdict
from doorward_edge.perception import Words

MARKS = {
    Verdict.PASSED: ("✓", "passed · 通过"),
    Verdict.FAILED: ("✗", "failed · 不通过"),
    Verdict.SKIPPED: ("–", "not done · 未做"),
}
VERDICTS = {
    Verdict.PASSED: Words("Everything works.", "全部正常。"),
    Verdict.FAILED: Words("Do not put it into service.", "不得投入使用。"),
    Verdict.SKIPPED: Words(
        "Nothing failed, but not everything was tried.", "未发现故障，但有步骤未做。"
    ),
}
NUMBERS = {
    "serial": "Serial number · 序列号",
    "card": "Memory card · 存储卡",
    "host": "Host · 主机名",
    "address": "Address · 地址",
}


def sheet_html(report: Report) -> str:
    """Returns the page; it needs nothing from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("sheet.html")
    return template.render(report=report, marks=MARKS, verdicts=VERDICTS, numbers=NUMBERS)
