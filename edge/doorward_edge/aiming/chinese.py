"""What is said of a picture, in Chinese; the English is in `verdict`."""

from doorward_edge.aiming.verdict import Verdict

WORDS_ZH = {
    Verdict.GOOD: "良好",
    Verdict.TOO_SMALL: "太小",
    Verdict.BLURRED: "模糊",
    Verdict.GLARE: "反光",
    Verdict.TOO_DARK: "太暗",
    Verdict.UNREADABLE: "找到了，但读不出",
    Verdict.NO_CODE: "未找到二维码",
}
ADVICE_ZH = {
    Verdict.GOOD: "无需调整：这样大小和清晰度的码可以读出。",
    Verdict.TOO_SMALL: "让相机或码靠近一些，换长焦镜头或提高分辨率；码斜着拿也会变小。",
    Verdict.BLURRED: "按此距离调焦，拿稳，或缩短 exposure_us 并补光。",
    Verdict.GLARE: "转动灯或相机，避免灯光反射进镜头；缩短 exposure_us。",
    Verdict.TOO_DARK: "补光（illumination_pin），或提高 exposure_us 或 gain。",
    Verdict.UNREADABLE: "大小、清晰度、亮度都够：请拿平拿正。也可能是折痕、屏幕条纹或缺少白边。",
    Verdict.NO_CODE: "请平举一个码，约占画面高度的一半。如已举起，则可能过小、过于模糊或有反光。",
}
