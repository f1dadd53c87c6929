// Scans over time: two stacked series drawn by uPlot. A live chart is read anew when a scan arrives; one
// that is marked `data-still` shows a span that the reader chose.
(() => {
  const REFRESH_MS = 2000;
  const HEIGHT_PX = 190;
  const DAY_S = 86_400;

  function colours(element) {
    const style = getComputedStyle(element);
    const of = (name) => style.getPropertyValue(name).trim();
    return { good: of("--dw-good"), bad: of("--dw-bad"), ink: of("--dw-ink-2"), grid: of("--dw-grid") };
  }

  function stacked(data) {
    const total = data.granted.map((n, i) => n + data.refused[i]);
    return [data.at_s, total, data.refused];
  }

  function options(element, width) {
    const c = colours(element);
    const bars = uPlot.paths.bars({ size: [0.72, 18, 2], radius: 0.15 });
    const series = (label, colour, value) => ({
      label, stroke: colour, fill: colour, width: 0, paths: bars, points: { show: false }, value,
    });
    const axis = { stroke: c.ink, grid: { stroke: c.grid, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const step = Number(element.dataset.stepS ?? 60);
    const format = (parts) => new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: element.dataset.zone, ...parts });
    const hours = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const days = { day: "numeric", month: "short" };
    const clock = format(step >= DAY_S ? { ...days, weekday: "short" } : step > 60 ? { ...days, ...hours } : hours);
    const marks = (splits) => splits.length > 1 && splits[1] - splits[0] >= DAY_S ? format(days) : splits.at(-1) - splits[0] > DAY_S ? clock : format(hours);
    const granted = (u, v, s, i) => (i == null ? "–" : u.data[1][i] - u.data[2][i]);
    const refused = (u, v, s, i) => (i == null ? "–" : u.data[2][i]);
    return {
      width, height: HEIGHT_PX, padding: [8, 16, 0, 0],
      cursor: { points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { range: (u, min, max) => [min - step * 0.67, max + step * 0.67] }, y: { range: (u, min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
      axes: [
        { ...axis, size: 26, grid: { show: false }, space: step > 60 ? 90 : 50, values: (u, splits) => { const by = marks(splits); return splits.map((s) => by.format(s * 1000)); } },
        { ...axis, size: step > 60 ? 52 : 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000] },
      ],
      series: [
        { label: element.dataset.wordTime, value: (u, v) => (v == null ? "–" : clock.format(v * 1000)) },
        series(element.dataset.wordGranted, c.good, granted),
        series(element.dataset.wordRefused, c.bad, refused),
      ],
    };
  }

  async function start(element) {
    let plot = null;
    let busy = false;
    async function read() {
      const answer = await fetch(element.dataset.chart, { headers: { accept: "application/json" } });
      return answer.ok ? stacked(await answer.json()) : null;
    }
    function draw(data) {
      plot?.destroy();
      element.replaceChildren();
      plot = new uPlot(options(element, element.clientWidth || 600), data, element);
    }
    async function refresh() {
      if (busy || document.hidden) return;
      busy = true;
      const data = await read().catch(() => null);
      if (data) plot ? plot.setData(data) : draw(data);
      setTimeout(() => { busy = false; }, REFRESH_MS);
    }
    await refresh();
    if (!("still" in element.dataset)) {
      document.body.addEventListener("htmx:sseMessage", (event) => {
        if (event.detail.type === "scan") refresh();
      });
      setInterval(refresh, 30_000);
    }
    new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT_PX })).observe(element);
    new MutationObserver(() => plot && draw(plot.data)).observe(
      document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const element of document.querySelectorAll("[data-chart]")) start(element);
  });
})();
