"""Texts that somebody writes where a name, a remark or a detail belongs: twenty families."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "formula": ("=1+1", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", '=HYPERLINK("http://x")'),
    "formula behind white space": (" =1+1", "\t=1+1", "\r=1+1", "\n=1+1", "\u00a0=1", "\u200b=1"),
    "full-width formula": ("＝1+1", "＋1", "－1", "＠SUM(1)"),
    "formula behind a sign": ("\ufeff=1+1", "\u202e=1+1", "\x00=1+1", "\x1b=1+1"),
    "markup": ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<b>x</b>", "<!--"),
    "attribute": (
        '" onmouseover="alert(1)',
        "' autofocus onfocus='alert(1)",
        "javascript:alert(1)",
    ),
    "end of a block": ("</td></tr></table>", "]]>", "</script>", "-->"),
    "entity": ("&lt;script&gt;", "&#60;script&#62;", "&amp;", "%3Cscript%3E"),
    "sql": ("'; DROP TABLE records; --", "1' OR '1'='1", "\\'; --", "%' OR 1=1 /*"),
    "template": ("{{ 7*7 }}", "{% include '/etc/passwd' %}", "${7*7}", "#{7*7}", "<%= 7*7 %>"),
    "format": ("%s%s%n", "%(name)s", "{0}", "{name.__class__}"),
    "quotes": ('"', '""', '","', "'", "`", '";"'),
    "separators": ("a,b,c", "a;b;c", "a\tb", "a|b"),
    "lines": ("a\nb", "a\r\nb", "a\rb", "a\u2028b", "a\u2029b", "\n\n\n"),
    "control": ("a\x00b", "a\x07b", "a\x1b[2Jb", "a\x7fb", "a\x85b"),
    "direction": ("\u202egpj.exe", "\u2066a\u2069", "\u200fabc", "\u061cabc"),
    "long": ("x" * 500, "=" * 500, "<" * 500, "漢" * 500),
    "emoji and combining": ("👩‍👩‍👧‍👦", "🏳️‍🌈", "e\u0301\u0301\u0301", "\U0001f1e8\U0001f1f3"),
    "other scripts": ("王小明", "محمد", "Ωmega", "ﷺ", "İstanbul"),
    "not characters": ("\ufffe", "\uffff", "\ufffd", "_x000D_", "_x0041_"),
    "paths and addresses": (
        "../../etc/passwd",
        "file:///etc/passwd",
        "\\\\host\\share",
        "http://x/",
    ),
}
ALL: tuple[str, ...] = tuple(text for texts in FAMILIES.values() for text in texts)
