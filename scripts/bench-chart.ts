// Draws the result of the benchmark as one SVG, by itself: horizontal bars of requests per second,
// one panel per pipeline depth, each panel with its own scale because pipelining changes the rate
// twentyfold. Colours follow the reader's light or dark theme through a media query, so one file
// serves both.

import type { CellResult } from "./bench-measure.js";

const panelWidth = 300;
const labelWidth = 104;
const ratioWidth = 46;
const rowHeight = 36;
const barHeight = 11;
const headHeight = 78;
const footHeight = 30;
const rowsMax = 40;
/** Room for the title, the legend and the caption. */
const widthMin = 640;

const style = `
  svg { color-scheme: light dark; }
  text { font: 12px ui-sans-serif, system-ui, -apple-system, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .panel { font-weight: 600; }
  .quiet { fill: #59636e; font-size: 11px; }
  .ratio { font-weight: 600; }
  .skerry { fill: #0f7b8a; } .redis { fill: #b8bfc7; }
  .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .quiet { fill: #9198a1; }
    .skerry { fill: #35b5c6; } .redis { fill: #5b636d; } .axis { stroke: #3d444d; }
  }`;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

const text = (x: number, y: number, content: string, kind = "", anchor = "start"): string =>
  `<text x="${x}" y="${y}"${kind === "" ? "" : ` class="${kind}"`}${
    anchor === "start" ? "" : ` text-anchor="${anchor}"`
  }>${escaped(content)}</text>`;

const bar = (x: number, y: number, width: number, kind: string): string =>
  [
    `<rect class="${kind}" x="${x}" y="${y}" rx="2"`,
    ` width="${Math.max(1, width).toFixed(1)}" height="${barHeight}"/>`,
  ].join("");

const rate = (value: number): string =>
  value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(0)} k/s`;

const rowLabel = (cell: CellResult): string =>
  cell.size === null ? cell.command : `${cell.command} ${cell.size} B`;

function drawPanel(cells: readonly CellResult[], left: number): string[] {
  const parts: string[] = [];
  const barsLeft = left + labelWidth;
  const barsWidth = panelWidth - labelWidth - ratioWidth;
  const top = Math.max(
    ...cells.map((cell) =>
      Math.max(cell.redis.requestsPerSecond, cell.skerry?.requestsPerSecond ?? 0),
    ),
  );
  parts.push(text(left, headHeight - 14, `pipeline ${cells[0]!.pipeline}`, "panel"));
  parts.push(text(barsLeft + barsWidth, headHeight - 14, `longest ${rate(top)}`, "quiet", "end"));
  const bottom = headHeight + cells.length * rowHeight;
  parts.push(
    `<line x1="${barsLeft}" y1="${headHeight - 4}" x2="${barsLeft}" y2="${bottom}" class="axis"/>`,
  );
  for (const [index, cell] of cells.entries()) {
    const y = headHeight + index * rowHeight;
    parts.push(text(barsLeft - 8, y + 17, rowLabel(cell), "", "end"));
    const ours = cell.skerry?.requestsPerSecond ?? 0;
    parts.push(bar(barsLeft, y + 2, (ours / top) * barsWidth, "skerry"));
    const theirs = (cell.redis.requestsPerSecond / top) * barsWidth;
    parts.push(bar(barsLeft, y + 3 + barHeight, theirs, "redis"));
    const label = cell.ratio === null ? "none" : `${cell.ratio.toFixed(2)}×`;
    parts.push(text(barsLeft + barsWidth + 8, y + 17, label, "ratio"));
  }
  return parts;
}

/** The whole chart. Cells beyond `rowsMax` per panel are left out rather than drawn unreadably. */
export function drawChart(cells: readonly CellResult[], caption: string): string {
  const pipelines = [...new Set(cells.map((cell) => cell.pipeline))].sort((a, b) => a - b);
  const panels = pipelines.map((pipeline) =>
    cells.filter((cell) => cell.pipeline === pipeline).slice(0, rowsMax),
  );
  const gap = 24;
  const width = Math.max(widthMin, panels.length * panelWidth + (panels.length - 1) * gap + 32);
  const rows = Math.max(0, ...panels.map((panel) => panel.length));
  const height = headHeight + rows * rowHeight + footHeight;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"`,
    `  viewBox="0 0 ${width} ${height}" role="img"`,
    '  aria-label="Requests per second of Skerry and redis-server">',
    `<style>${style}\n</style>`,
    text(16, 28, "Requests per second, same run, same core", "title"),
    bar(width - 206, 19, 12, "skerry"),
    text(width - 188, 29, "Skerry"),
    bar(width - 126, 19, 12, "redis"),
    text(width - 108, 29, "redis-server"),
  ];
  for (const [index, panel] of panels.entries())
    parts.push(...drawPanel(panel, 16 + index * (panelWidth + gap)));
  parts.push(text(16, height - 10, caption, "quiet"), "</svg>");
  return `${parts.join("\n")}\n`;
}
