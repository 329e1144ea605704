// The page of a run: it holds what the trace says, draws it in a real browser, and shows a node's
// state where one clicks. SKERRY_SCREENSHOT=FILE keeps a picture.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { describeProfile, drawProfile } from "../../src/sim/fault-profile.js";
import { Film, type FilmData } from "../../src/sim/film.js";
import { renderPage } from "../../src/sim/page.js";
import { simulate } from "../../src/sim/simulate.js";
import { Trace } from "../../src/sim/trace.js";
import { Browser, findChromium } from "./browser.js";

const seed = Number(process.env.SKERRY_SEED ?? 3);
const options = { nodeCount: 3, safetyMs: 4000 } as const;

function film(): { data: FilmData; lines: string[]; page: string } {
  const lines: string[] = [];
  const trace = new Trace((line) => lines.push(line));
  const watcher = new Film(["n1", "n2", "n3"], 5000);
  trace.watcher = watcher;
  const { violations } = simulate(seed, { ...options, trace });
  const data = watcher.finish();
  const page = renderPage(data, {
    title: `seed ${seed}`,
    violations: [...violations, "</script><b>"],
    profile: describeProfile(drawProfile(seed, options)),
    replay: "npm run sim",
  });
  return { data, lines, page };
}

test("page: messages, operations and faults are those of the trace", () => {
  const { data, lines } = film();
  const early = lines.filter((line) => Number(line.slice(0, 11)) <= 5000);
  const asked = early.filter((line) => line.includes(" ask p"));
  expect(data.operations).toHaveLength(asked.length);
  const isBeat = (line: string): boolean => / receive n\d #\d+ heartbeat( heartbeat)*$/.test(line);
  // While there is other traffic nodes hear from each other without.
  expect(lines.filter(isBeat).length).toBeGreaterThan(50);
  const beats = early.filter(isBeat);
  const received = early.filter((line) => / (receive|refuse) n\d #/.test(line));
  const arrived = data.messages.filter((message) => message[3] >= 0);
  // A heartbeat that comes twice, or first damaged, is the only thing counted differently.
  expect(Math.abs(arrived.length - (received.length - beats.length))).toBeLessThan(20);
  expect(arrived.every((message) => message[3] >= message[2])).toBe(true);
  expect(data.messages.some((message) => message[3] < 0)).toBe(true);
  const faults = early.filter((line) => / fault /.test(line));
  expect(data.faults).toHaveLength(faults.length);
  expect(data.states.length).toBeGreaterThan(100);
});

test("page: watching leaves the run as it is", () => {
  const alone = simulate(seed, options);
  const trace = new Trace();
  trace.watcher = new Film(["n1", "n2", "n3"], 5000);
  const watched = simulate(seed, { ...options, trace });
  expect(watched.frameCount).toBe(alone.frameCount);
  expect(watched.requestCount).toBe(alone.requestCount);
  expect(watched.sometimes.entries()).toEqual(alone.sometimes.entries());
});

const chromium = findChromium();
const isCi = process.env.CI === "true";
const reason = chromium === undefined ? " (not run: chromium is missing)" : "";

test.skipIf(chromium === undefined && !isCi)(
  `page: drawn in a browser, scrubbed, clicked${reason}`,
  async () => {
    expect(chromium, "in CI chromium must be there").toBeDefined();
    const folder = mkdtempSync(join(tmpdir(), "skerry-page-"));
    const browser = new Browser(chromium!);
    try {
      const file = join(folder, "run.html");
      writeFileSync(file, film().page);
      await browser.open(pathToFileURL(file).href, 1280, 760);
      await watchAndClick(browser);
      const { SKERRY_SCREENSHOT } = process.env;
      if (SKERRY_SCREENSHOT) writeFileSync(SKERRY_SCREENSHOT, await browser.screenshot());
      expect(browser.exceptions).toEqual([]);
    } finally {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

async function watchAndClick(browser: Browser): Promise<void> {
  /** How many pixels of the diagram are not empty. */
  const ink = (): Promise<number> =>
    browser.evaluate(`(() => {
      const { width, height } = canvas;
      const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
      let count = 0;
      for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count++;
      return count;
    })()`);
  const text = (id: string): Promise<string> => browser.evaluate(`$("${id}").textContent`);
  const all = await ink();
  expect(all).toBeGreaterThan(2000);
  expect(await browser.evaluate("document.title")).toBe(`seed ${seed}`);

  await browser.evaluate("$('consensus').click()");
  expect(await ink()).toBeLessThan(all);
  await browser.evaluate("$('consensus').click()");

  // Scrubbing: the state is that of the time shown.
  await browser.evaluate("$('scrub').value = 60; $('scrub').oninput()");
  const early = await text("keys");
  await browser.evaluate("$('scrub').value = 4800; $('scrub').oninput()");
  expect(await text("time")).toMatch(/^4800/);
  expect((await text("keys")).length).toBeGreaterThan(early.length);
  expect(await text("figures")).toContain("incarnation");

  // A click on the lowest lane chooses the last node, and the time there.
  const box = "canvas.getBoundingClientRect()";
  const [x, y] = await browser.evaluate<[number, number]>(
    `[${box}.left + ${box}.width / 2, ${box}.top + ${box}.height - 30]`,
  );
  await browser.click(x, y);
  expect(await browser.evaluate("document.querySelector('#tabs .chosen').textContent")).toBe("n3");
  expect(await text("time")).not.toMatch(/^4800/);
}
