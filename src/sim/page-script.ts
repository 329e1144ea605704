// What runs in the reader's browser: draws a film (film.ts) as a Lamport diagram on a canvas. Nodes
// are lanes, time goes to the right, messages are lines between lanes. Kept as text because it is
// put into the page as it stands; it needs nothing but the page.

/** Sees `film` and the page's elements. */
export const pageScript = String.raw`
"use strict";
const gossip = new Set(["delta", "relay", "summary", "contexts", "pull", "state"]);
const $ = (id) => document.getElementById(id);
const canvas = $("diagram"), strip = $("strip");
const gutter = 52, topRoom = 46, rowCount = 4;
const count = film.nodes.length;
let from = 0, until = Math.min(film.untilMs, 1200), now = 0;
let chosen = 0, playing = false, lastTick = 0;
let mouse = null, dragging = null;
const colors = {};

const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function readColors() {
  for (const name of ["ink", "quiet", "lane", "gossip", "consensus", "lost", "ok", "error", "warn",
    "down", "cut", "cursor", "paper"]) colors[name] = styleOf("--" + name);
}

function fit(target) {
  const ratio = devicePixelRatio || 1, { clientWidth: w, clientHeight: h } = target;
  if (target.width !== Math.round(w * ratio) || target.height !== Math.round(h * ratio)) {
    target.width = Math.round(w * ratio);
    target.height = Math.round(h * ratio);
  }
  const pen = target.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, w, h);
  return [pen, w, h];
}

const xOf = (ms, w) => gutter + ((ms - from) / (until - from)) * (w - gutter - 12);
const msOf = (x, w) => from + ((x - gutter) / (w - gutter - 12)) * (until - from);
const yOf = (node, h) => topRoom + ((node + 0.62) * (h - topRoom - 8)) / count;
const kindOf = (message) => message[3] < 0 ? "lost"
  : gossip.has(message[5].split(" ")[0]) ? "gossip" : "consensus";
const ms = (at) => at.toFixed(at < 10000 ? 1 : 0) + " ms";

function niceStep(span, parts) {
  const raw = span / parts, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= raw);
}

function drawDiagram() {
  const [pen, w, h] = fit(canvas);
  pen.font = "11px ui-monospace, Menlo, Consolas, monospace";
  drawTime(pen, w, h);
  drawCuts(pen, w, h);
  pen.save();
  pen.beginPath();
  pen.rect(gutter, 0, w - gutter, h);
  pen.clip();
  const near = { distance: 8, text: null };
  drawMessages(pen, w, h, near);
  drawLanes(pen, w, h);
  drawOperations(pen, w, h, near);
  drawFaults(pen, w, h, near);
  drawViolations(pen, w, h, near);
  const x = xOf(now, w);
  pen.strokeStyle = colors.cursor;
  pen.lineWidth = 1.5;
  line(pen, x, 0, x, h);
  pen.restore();
  film.nodes.forEach((name, node) => {
    pen.fillStyle = node === chosen ? colors.cursor : colors.ink;
    pen.font = (node === chosen ? "700 " : "600 ") + "13px ui-sans-serif, system-ui, sans-serif";
    pen.fillText(name, 18, yOf(node, h) + 4);
  });
  showTip(near.text);
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function drawTime(pen, w, h) {
  const step = niceStep(until - from, 8);
  pen.lineWidth = 1;
  for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
    const x = Math.round(xOf(at, w)) + 0.5;
    pen.strokeStyle = colors.lane;
    pen.globalAlpha = 0.35;
    line(pen, x, topRoom - 6, x, h);
    pen.globalAlpha = 1;
    pen.fillStyle = colors.quiet;
    pen.fillText(Number(at.toPrecision(10)) + " ms", x + 4, 11);
  }
}

function drawCuts(pen, w, h) {
  for (const [start, end, links] of film.cuts) {
    if (end < from || start > until) continue;
    const left = Math.max(gutter, xOf(start, w)), right = Math.min(w - 12, xOf(end, w));
    pen.fillStyle = colors.cut;
    pen.globalAlpha = 0.1;
    pen.fillRect(left, topRoom - 8, right - left, h);
    pen.globalAlpha = 0.9;
    pen.fillRect(left, topRoom - 14, right - left, 3);
    pen.globalAlpha = 1;
    if (right - left > 60) {
      pen.save();
      pen.beginPath();
      pen.rect(left, 0, right - left, topRoom);
      pen.clip();
      pen.fillText("cut " + links, left + 2, topRoom - 18);
      pen.restore();
    }
  }
}

function drawLanes(pen, w, h) {
  for (let node = 0; node < count; node++) {
    const y = yOf(node, h);
    pen.strokeStyle = node === chosen ? colors.ink : colors.lane;
    pen.lineWidth = 1.5;
    line(pen, gutter, y, w, y);
  }
  for (const [node, start, end, what] of film.spans) {
    if (end < from || start > until) continue;
    const y = yOf(node, h), left = xOf(start, w), width = Math.max(3, xOf(end, w) - left);
    pen.fillStyle = what === "down" ? colors.down : colors.warn;
    pen.globalAlpha = what === "down" ? 0.9 : 0.55;
    pen.fillRect(left, y - 4, width, 8);
    pen.globalAlpha = 1;
    if (width > 40) {
      pen.fillStyle = colors.ink;
      pen.fillText(what, Math.max(left, gutter) + 4, y + 16);
    }
  }
}

function near2(x1, y1, x2, y2) {
  if (!mouse) return Infinity;
  const dx = x2 - x1, dy = y2 - y1, length = dx * dx + dy * dy || 1;
  const part = Math.max(0, Math.min(1, ((mouse.x - x1) * dx + (mouse.y - y1) * dy) / length));
  return Math.hypot(mouse.x - x1 - part * dx, mouse.y - y1 - part * dy);
}

function offer(near, distance, text) {
  if (distance < near.distance) Object.assign(near, { distance, text });
}

function drawMessages(pen, w, h, near) {
  const shown = { gossip: $("gossip").checked, consensus: $("consensus").checked,
    lost: $("lost").checked };
  for (const message of film.messages) {
    const [a, b, sent, received, bytes, says] = message;
    const kind = kindOf(message), end = received < 0 ? sent + 4 : received;
    if (sent > until || end < from || !shown[kind]) continue;
    let x1 = xOf(sent, w), y1 = yOf(a, h), x2 = xOf(end, w), y2 = yOf(b, h);
    if (received < 0) {
      x2 = x1 + Math.min(14, Math.max(5, (x2 - x1) * 0.5));
      y2 = y1 + (y2 - y1) * 0.3;
    }
    pen.strokeStyle = colors[kind];
    pen.globalAlpha = received < 0 ? 0.8 : sent <= now && now <= received ? 1 : 0.5;
    pen.lineWidth = sent <= now && now <= end ? 2 : 1;
    pen.setLineDash(received < 0 ? [3, 3] : []);
    line(pen, x1, y1, x2, y2);
    pen.setLineDash([]);
    if (received < 0) {
      line(pen, x2 - 3, y2 - 3, x2 + 3, y2 + 3);
      line(pen, x2 - 3, y2 + 3, x2 + 3, y2 - 3);
    } else {
      const angle = Math.atan2(y2 - y1, x2 - x1);
      pen.fillStyle = colors[kind];
      pen.beginPath();
      pen.moveTo(x2, y2);
      pen.lineTo(x2 - 7 * Math.cos(angle - 0.35), y2 - 7 * Math.sin(angle - 0.35));
      pen.lineTo(x2 - 7 * Math.cos(angle + 0.35), y2 - 7 * Math.sin(angle + 0.35));
      pen.fill();
    }
    pen.globalAlpha = 1;
    offer(near, near2(x1, y1, x2, y2), film.nodes[a] + " to " + film.nodes[b] + ": " + says +
      "\n" + bytes + " bytes, sent at " + ms(sent) +
      (received < 0 ? ", never arrived" : ", arrived after " + ms(received - sent)));
  }
}

const answerColor = (reply) => reply === "" || reply === "(no reply)" ? colors.lost
  : /^[A-Z]{3,} /.test(reply) ? colors.warn : colors.ok;

// Operations of a node lie in a few rows above its lane, each in the first row that is free; what
// comes next in the row bounds the label.
const placed = [];
{
  const ends = new Map(), last = new Map();
  for (const operation of film.operations) {
    const [node, start, ended] = operation;
    let row = 0;
    while (row < rowCount - 1 && (ends.get(node + "/" + row) ?? -1) > start) row++;
    const name = node + "/" + row, place = { operation, row, nextStart: Infinity };
    if (last.has(name)) last.get(name).nextStart = start;
    ends.set(name, ended < 0 ? film.untilMs : ended);
    last.set(name, place);
    placed.push(place);
  }
}

function drawOperations(pen, w, h, near) {
  for (const { operation, row, nextStart } of placed) {
    const [node, start, ended, request, reply, client] = operation;
    const end = ended < 0 ? film.untilMs : ended;
    if (start > until || Math.min(nextStart, film.untilMs) < from) continue;
    const y = yOf(node, h) - 12 - row * 13, left = xOf(start, w);
    const width = Math.max(3, xOf(end, w) - left);
    pen.fillStyle = answerColor(reply);
    pen.globalAlpha = start <= now && now <= end ? 1 : 0.7;
    pen.beginPath();
    pen.roundRect(left, y - 5, width, 10, 3);
    pen.fill();
    pen.globalAlpha = 1;
    const room = Math.min(xOf(nextStart, w), w) - left - width - 6;
    if (room > 24) {
      const fitting = Math.floor(room / 6.7);
      pen.fillStyle = colors.quiet;
      const text = request.length > fitting ? request.slice(0, fitting - 1) + "…" : request;
      pen.fillText(text.slice(0, 30), left + width + 3, y + 4);
    }
    offer(near, near2(left, y, left + width, y) - 3, client + " asks " + film.nodes[node] + ": " +
      request + "\n" + (reply === "" ? "no answer yet" : "answer: " + reply) +
      ", " + ms(start) + (ended < 0 ? "" : " for " + ms(ended - start)));
  }
}

function drawFaults(pen, w, h, near) {
  for (const [node, at, kind, detail] of film.faults) {
    if (at < from || at > until || detail.startsWith("#") || node < 0) continue;
    const x = xOf(at, w), y = yOf(node, h);
    pen.fillStyle = kind === "process_crash" ? colors.lost : colors.warn;
    pen.beginPath();
    pen.moveTo(x, y + 5);
    pen.lineTo(x - 4, y + 12);
    pen.lineTo(x + 4, y + 12);
    pen.fill();
    offer(near, near2(x, y + 9, x, y + 9), film.nodes[node] + ": " + kind.replaceAll("_", " ") +
      " " + detail + "\nat " + ms(at));
  }
}

function drawViolations(pen, w, h, near) {
  for (const [at, text] of film.violations) {
    if (at < from || at > until) continue;
    const x = xOf(at, w);
    pen.strokeStyle = colors.lost;
    pen.lineWidth = 3;
    line(pen, x, 0, x, h);
    offer(near, near2(x, 0, x, h), "VIOLATION\n" + text);
  }
}

function showTip(text) {
  const tip = $("tip");
  tip.hidden = !text || !mouse;
  if (tip.hidden) return;
  tip.textContent = text;
  const room = canvas.clientWidth - tip.offsetWidth - 8;
  tip.style.left = Math.max(0, Math.min(mouse.x + 14, room)) + "px";
  tip.style.top = Math.min(mouse.y + 16, canvas.clientHeight - tip.offsetHeight - 4) + "px";
}

function drawStrip() {
  const [pen, w, h] = fit(strip);
  const x = (at) => (at / film.untilMs) * w, bins = Math.max(1, Math.floor(w / 3));
  const load = new Array(bins).fill(0);
  for (const [, start] of film.operations)
    load[Math.min(bins - 1, Math.floor((start / film.untilMs) * bins))]++;
  const most = Math.max(1, ...load);
  for (const [start, end] of film.cuts) {
    pen.fillStyle = colors.cut;
    pen.globalAlpha = 0.22;
    pen.fillRect(x(start), 0, Math.max(1, x(end) - x(start)), h);
  }
  pen.globalAlpha = 0.8;
  pen.fillStyle = colors.ok;
  load.forEach((n, i) => pen.fillRect((i * w) / bins, h - (n / most) * (h - 16), w / bins - 1, h));
  pen.globalAlpha = 1;
  for (const [node, at, kind, detail] of film.faults) {
    if (detail.startsWith("#") || detail.includes(">")) continue;
    pen.fillStyle = kind === "process_crash" ? colors.lost : colors.warn;
    pen.fillRect(x(at) - 1, 2 + (node < 0 ? 0 : (node * 10) / count), 3, 4);
  }
  for (const [at] of film.violations) {
    pen.fillStyle = colors.lost;
    pen.fillRect(x(at) - 2, 0, 4, h);
  }
  pen.strokeStyle = colors.cursor;
  pen.lineWidth = 1.5;
  pen.strokeRect(x(from) + 1, 1, Math.max(3, x(until) - x(from)) - 2, h - 2);
  line(pen, x(now), 0, x(now), h);
}

function stateAt(node, at) {
  const state = new Map(), changed = new Set();
  for (const [who, when, changes] of film.states) {
    if (who !== node || when > at) continue;
    changed.clear();
    for (const [name, text] of changes) {
      if (text === "") state.delete(name);
      else state.set(name, text);
      changed.add(name);
    }
    if (when < at - 120) changed.clear();
  }
  return [state, changed];
}

function showNode() {
  const [state, changed] = stateAt(chosen, now);
  $("tabs").replaceChildren(...film.nodes.map((name, node) => {
    const tab = document.createElement("button");
    tab.textContent = name;
    tab.className = node === chosen ? "chosen" : "";
    tab.onclick = () => { chosen = node; draw(); };
    return tab;
  }));
  const rowOf = ([name, text]) => {
    const row = document.createElement("tr");
    if (changed.has(name)) row.className = "changed";
    for (const cell of [name.replace(/^key /, ""), text])
      row.appendChild(document.createElement("td")).textContent = cell;
    return row;
  };
  const all = [...state];
  $("figures").replaceChildren(...all.filter(([name]) => !name.startsWith("key ")).map(rowOf));
  const keys = all.filter(([name]) => name.startsWith("key ")).sort();
  $("keys").replaceChildren(...keys.map(rowOf));
  $("keycount").textContent = keys.length + " keys";
}

function draw() {
  now = Math.max(0, Math.min(now, film.untilMs));
  drawDiagram();
  drawStrip();
  showNode();
  $("time").textContent = ms(now);
  $("scrub").value = String(now);
  $("play").textContent = playing ? "❚❚ pause" : "▶ play";
}

function view(start, end) {
  const span = Math.max(5, Math.min(end - start, film.untilMs));
  from = Math.max(0, Math.min(start, film.untilMs - span));
  until = from + span;
}

function go(at) {
  now = at;
  const span = until - from;
  if (now < from || now > until) view(now - span / 2, now + span / 2);
  draw();
}

function zoom(factor, at) {
  view(at - (at - from) * factor, at + (until - at) * factor);
  draw();
}

canvas.onwheel = (event) => {
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.25 : 0.8, msOf(event.offsetX, canvas.clientWidth));
};
canvas.onpointerdown = (event) => { dragging = { x: event.offsetX, from, moved: false }; };
canvas.onpointermove = (event) => {
  mouse = { x: event.offsetX, y: event.offsetY };
  if (dragging && Math.abs(event.offsetX - dragging.x) > 3) {
    dragging.moved = true;
    const span = until - from;
    const start = dragging.from - ((event.offsetX - dragging.x) / canvas.clientWidth) * span;
    view(start, start + span);
  }
  drawDiagram();
  drawStrip();
};
canvas.onpointerup = (event) => {
  if (dragging && !dragging.moved) {
    const part = (event.offsetY - topRoom) / (canvas.clientHeight - topRoom - 8);
    chosen = Math.max(0, Math.min(count - 1, Math.floor(part * count)));
    if (event.offsetX > gutter) now = msOf(event.offsetX, canvas.clientWidth);
    draw();
  }
  dragging = null;
};
canvas.onpointerleave = () => { mouse = null; dragging = null; drawDiagram(); };
strip.onpointerdown = strip.onpointermove = (event) => {
  if (event.buttons === 0) return;
  const at = (event.offsetX / strip.clientWidth) * film.untilMs, span = until - from;
  view(at - span / 2, at + span / 2);
  now = at;
  draw();
};
$("scrub").max = String(film.untilMs);
$("scrub").oninput = () => go(Number($("scrub").value));
$("play").onclick = () => {
  playing = !playing;
  lastTick = 0;
  draw();
  requestAnimationFrame(tick);
};
$("closer").onclick = () => zoom(0.5, now);
$("wider").onclick = () => zoom(2, now);
for (const id of ["gossip", "consensus", "lost"]) $(id).onchange = draw;
document.onkeydown = (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step) go(now + (step * (until - from)) / 100);
  if (event.key === " ") $("play").onclick();
};

function tick(at) {
  if (!playing) return;
  if (lastTick > 0) {
    now += ((at - lastTick) / 1000) * Number($("speed").value);
    if (now >= film.untilMs) playing = false;
    const half = (until - from) / 2;
    if (now > until - half * 0.4) view(now - half, now + half);
  }
  lastTick = at;
  draw();
  requestAnimationFrame(tick);
}

addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").onchange = () => { readColors(); draw(); };
readColors();
const first = film.violations[0]?.[0] ?? film.cuts[0]?.[0] ?? 0;
now = first;
view(first - 300, first + 500);
draw();
document.documentElement.dataset.ready = "yes";
`;
