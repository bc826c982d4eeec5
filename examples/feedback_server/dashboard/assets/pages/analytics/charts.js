// The charts of days, drawn by uPlot, each with its figures as a table.

import { h } from "../../dom.js";
import * as format from "../../format.js";
import { section, table } from "../../parts.js";
import { texts } from "../../texts.js";

const t = texts.analytics;
const HEIGHT = 190;
const DARK = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const bars = (size) => uPlot.paths.bars({ size: [size, 40], radius: 0.15 });

const CHARTS = [
  {
    title: t.volume,
    from: 0,
    format: format.integer,
    series: [
      { name: t.calls, value: (day) => day.calls, fill: "--chart-soft", paths: 0.7 },
      { name: t.completed, value: (day) => day.completed, fill: "--chart", paths: 0.7 },
    ],
  },
  {
    title: t.sentiment,
    range: [-1, 1],
    format: format.signed,
    series: [{ name: t.averageSentiment, value: (day) => day.averageSentiment ?? null, stroke: "--chart" }],
  },
  {
    title: t.cost,
    from: 0,
    format: format.money,
    series: [{ name: t.costTotal, value: (day) => day.cost, fill: "--chart-2", paths: 0.7 }],
  },
];

/** A card for each chart. */
export function dayCharts(days, signal) {
  return CHARTS.map((chart) => {
    const place = h("div", { class: "plot", role: "img", "aria-label": t.chart(chart.title) });
    draw(place, chart, days, signal);
    return section(chart.title, { class: "chart" },
      chart.series.length > 1 && h("ul", { class: "legend", "aria-hidden": "true" }, chart.series.map((series) =>
        h("li", {}, h("span", { class: "swatch", style: { background: `var(${series.fill})` } }), series.name))),
      place,
      h("details", {}, h("summary", {}, t.asTable), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": chart.title }, table({
        caption: chart.title,
        rows: days,
        columns: [
          { name: t.date, head: true, cell: (day) => format.day(day.date) },
          ...chart.series.map((series) => ({ name: series.name, number: true, cell: (day) => chart.format(series.value(day)) })),
        ],
      }))));
  });
}

/** Draws, and draws anew when the place's width or the colours change. */
function draw(place, chart, days, signal) {
  let plot = null;
  const again = () => {
    plot?.destroy();
    plot = place.clientWidth > 0 ? new uPlot(options(chart, days, place.clientWidth), data(chart, days), place) : null;
  };
  const resized = new ResizeObserver(() => {
    if (plot === null) again();
    else if (plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  });
  resized.observe(place);
  DARK.addEventListener("change", again, { signal });
  signal.addEventListener("abort", () => {
    resized.disconnect();
    plot?.destroy();
  });
}

const data = (chart, days) => [days.map((_, i) => i), ...chart.series.map((series) => days.map(series.value))];

function options(chart, days, width) {
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 12, 0, 0],
    scales: {
      // Half a day of room at each end for the bars.
      x: { time: false, range: () => [-0.6, days.length - 0.4] },
      y: { range: chart.range ?? ((_, min, max) => [chart.from, Math.max(max ?? 0, 1e-9) * 1.1]) },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 28, incrs: [1, 2, 5, 7, 14, 30, 60, 90], space: 56, values: (_, at) => at.map((i) => (Number.isInteger(i) && days[i] ? format.day(days[i].date) : "")) },
      { ...axis, size: 60, space: 28, values: (_, at) => at.map((value) => (chart.format === format.integer && !Number.isInteger(value) ? "" : chart.format(value))) },
    ],
    series: [{}, ...chart.series.map(line)],
  };
}

function line({ fill, stroke, paths }) {
  return {
    fill: fill && colour(fill),
    stroke: colour(stroke ?? fill),
    width: stroke ? 2 : 0,
    paths: paths && bars(paths),
    // Days without a call are no days with a middling feeling.
    spanGaps: false,
    points: { show: Boolean(stroke), size: 5, fill: stroke && colour(stroke) },
  };
}
