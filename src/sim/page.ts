// The page of a run (`npm run sim -- --seed N --html FILE`): one file without any other, to be
// opened in a browser, sent to somebody, or kept beside a bug report.

import type { FilmData } from "./film.js";
import { pageScript } from "./page-script.js";

export interface PageFacts {
  readonly title: string;
  readonly violations: readonly string[];
  /** The profile in lines, as the command line prints it. */
  readonly profile: string;
  readonly replay: string;
}

const style = `
:root { color-scheme: light dark; --paper: #fbfbf9; --panel: #fff; --edge: #dcdfe3; --ink: #1c2024;
  --quiet: #69707a; --lane: #b3bac3; --gossip: #2b78c4; --consensus: #7a4fc0; --lost: #d1242f;
  --ok: #138a72; --error: #d1242f; --warn: #c77700; --down: #8b929b; --cut: #d1242f;
  --cursor: #0b62d6; --changed: #fff4cf; }
@media (prefers-color-scheme: dark) { :root { --paper: #101418; --panel: #171c22; --edge: #2b333c;
  --ink: #e4e9ee; --quiet: #8f99a5; --lane: #48525d; --gossip: #5aa6ee; --consensus: #b08cf2;
  --lost: #ff6b6b; --ok: #3fc1a3; --error: #ff6b6b; --warn: #f0a83c; --down: #6b747e;
  --cut: #ff6b6b; --cursor: #62a8ff; --changed: #3b3417; } }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--paper); color: var(--ink);
  font: 13px/1.45 ui-sans-serif, system-ui, sans-serif; }
header { padding: 12px 18px 8px; display: flex; gap: 14px; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 17px; margin: 0; letter-spacing: -.01em; }
.verdict { border-radius: 99px; padding: 1px 10px; font-weight: 600; color: #fff; }
.clean { background: #138a72; } .failed { background: #d1242f; }
code, td { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12px; }
header code { color: var(--quiet); }
.violations { margin: 0; padding: 0 18px 6px; list-style: none; color: var(--lost); }
nav { display: flex; gap: 10px; align-items: center; padding: 4px 18px 8px; flex-wrap: wrap; }
nav input[type=range] { flex: 1; min-width: 160px; accent-color: var(--cursor); }
button, select { font: inherit; color: inherit; background: var(--panel); cursor: pointer;
  border: 1px solid var(--edge); border-radius: 6px; padding: 3px 10px; }
button.chosen { background: var(--cursor); border-color: var(--cursor); color: #fff; }
label { display: inline-flex; gap: 4px; align-items: center; }
label i { width: 16px; height: 3px; border-radius: 2px; }
#time { font: 600 13px ui-monospace, Menlo, monospace; min-width: 88px; text-align: right; }
#strip { width: calc(100% - 36px); height: 44px; margin: 0 18px; flex: none; cursor: pointer;
  background: var(--panel); border: 1px solid var(--edge); border-radius: 6px; }
main { flex: 1; display: flex; gap: 12px; padding: 10px 18px 6px; min-height: 0; }
.stage { position: relative; flex: 1; min-width: 0; background: var(--panel);
  border: 1px solid var(--edge); border-radius: 8px; overflow: hidden; }
#diagram { width: 100%; height: 100%; display: block; cursor: crosshair; touch-action: none; }
#tip { position: absolute; pointer-events: none; white-space: pre-line; max-width: 340px;
  background: var(--ink); color: var(--paper); border-radius: 6px; padding: 5px 9px;
  font-size: 12px; overflow-wrap: anywhere; }
aside { width: 330px; display: flex; flex-direction: column; background: var(--panel);
  border: 1px solid var(--edge); border-radius: 8px; padding: 10px; min-height: 0; }
#tabs { display: flex; gap: 6px; flex-wrap: wrap; margin-bottom: 8px; }
.scroll { overflow: auto; flex: 1; border-top: 1px solid var(--edge); margin-top: 6px; }
h2 { font-size: 12px; margin: 8px 0 2px; color: var(--quiet); font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
td { padding: 2px 6px 2px 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { color: var(--quiet); white-space: nowrap; }
.changed { background: var(--changed); }
details { padding: 0 18px 10px; color: var(--quiet); }
pre { white-space: pre-wrap; font-size: 11px; margin: 4px 0; }
@media (max-width: 800px) {
  main { flex-direction: column; } aside { width: auto; height: 260px; } }`;

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

/** Numbers with the microseconds that they have and no more, and nothing that ends a script. */
const embedded = (film: FilmData): string =>
  JSON.stringify(film, (_name, value: unknown) =>
    typeof value === "number" ? Math.round(value * 1000) / 1000 : value,
  ).replaceAll("<", "\\u003c");

const check = (id: string, text: string): string =>
  `<label><input type="checkbox" id="${id}" checked>` +
  `<i style="background:var(--${id})"></i>${text}</label>`;

export function renderPage(
  film: FilmData,
  { title, violations, profile, replay }: PageFacts,
): string {
  const isClean = violations.length === 0;
  const items = violations.map((text) => `<li>${escaped(text)}</li>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head><body>
<header><h1>${escaped(title)}</h1>
<span class="verdict ${isClean ? "clean" : "failed"}">${isClean ? "no violation" : "failed"}</span>
<code>${escaped(replay)}</code></header>
<ul class="violations">${items}</ul>
<nav><button id="play">▶ play</button>
<select id="speed" aria-label="speed"><option value="20">20 ms per second</option>
<option value="100" selected>100 ms per second</option>
<option value="500">500 ms per second</option>
<option value="2000">2 s per second</option></select>
<input id="scrub" type="range" min="0" step="0.1" value="0" aria-label="time">
<span id="time"></span>
<button id="closer">closer</button><button id="wider">wider</button>
${check("gossip", "replication")}${check("consensus", "consensus")}
${check("lost", "lost")}</nav>
<canvas id="strip"></canvas>
<main><div class="stage"><canvas id="diagram"></canvas><div id="tip" hidden></div></div>
<aside><div id="tabs"></div><table><tbody id="figures"></tbody></table>
<h2 id="keycount"></h2>
<div class="scroll"><table><tbody id="keys"></tbody></table></div></aside></main>
<details><summary>fault profile</summary><pre>${escaped(profile)}</pre></details>
<script>const film = ${embedded(film)};${pageScript}</script></body></html>
`;
}
