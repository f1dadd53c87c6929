"""One person's part of the key, on paper, in both languages, for somebody in ten years."""

from collections.abc import Sequence

from doorward_controller.exports import papers
from doorward_controller.exports.papers import Paper, Table

_COLUMNS = 3


def pdf(
    *, site: str, on: str, number: int, of: int, needed: int, set_number: int, words: Sequence[str]
) -> bytes:
    """Returns a sheet as a file. Raises NoFontError."""
    rows = -(-len(words) // _COLUMNS)
    columns = [
        [f"{at + 1}. {words[at]}" for at in range(first, min(first + rows, len(words)))]
        for first in range(0, len(words), rows)
    ]
    table = [
        [column[row] if row < len(column) else "" for column in columns] for row in range(rows)
    ]
    return papers.pdf(
        Paper(
            title=f"Key sheet {number} of {of} · 密钥分片 {number}/{of}",
            subtitle=(
                "Keep this sheet under lock, apart from the others. Do not photograph or store it."
                " 请单独上锁保管，不得拍照或存入电脑。"
            ),
            facts=(
                ("Site · 站点", site),
                ("Set · 分片组", str(set_number)),
                ("Made on · 生成日期", on),
                (
                    "Needed · 恢复所需",
                    f"any {needed} of {of} sheets · {of} 张中任意 {needed} 张",
                ),
                (
                    "To use it · 使用方法",
                    "doorward-controller recovery join",
                ),
            ),
            tables=(
                Table(
                    title="Words, in this order · 单词（按顺序）",
                    header=("", "", ""),
                    widths=(1, 1, 1),
                    rows=table,
                    empty="",
                    size_pt=14,
                ),
            ),
            foot=f"Doorward · {site} · {set_number} · {number}/{of}",
        )
    )
