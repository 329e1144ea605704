// A headless Chromium driven through its debugging pipe (Chrome DevTools Protocol: messages that
// end with a zero byte, on file descriptors 3 and 4), so no package is needed for it.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

const names = ["chromium", "chromium-browser", "google-chrome"];

/** The program, or undefined where there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly exceptionDetails?: { readonly text: string } };
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

export class Browser {
  /** What the page threw and nobody caught. */
  readonly exceptions: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #session = "";
  #id = 0;
  #rest = "";

  constructor(program: string) {
    this.#profile = mkdtempSync(join(tmpdir(), "skerry-chromium-"));
    const flags = ["--headless", "--remote-debugging-pipe", "--disable-gpu", "--hide-scrollbars"];
    flags.push(`--user-data-dir=${this.#profile}`, "--no-first-run", "--disable-dev-shm-usage");
    if (process.getuid?.() === 0) flags.push("--no-sandbox"); // Its sandbox refuses root.
    const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"] as const;
    this.#child = spawn(program, [...flags, "about:blank"], { stdio: [...stdio] });
    (this.#child.stdio[4] as Readable).setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.#rest + text).split("\0");
      this.#rest = parts.pop() ?? "";
      for (const part of parts) this.#onAnswer(JSON.parse(part) as Answer);
    });
  }

  /** Opens a page of a size and waits until it says that it is ready. */
  async open(url: string, width: number, height: number): Promise<void> {
    const { targetId } = (await this.#ask("Target.createTarget", { url: "about:blank" })) as {
      targetId: string;
    };
    const attached = await this.#ask("Target.attachToTarget", { targetId, flatten: true });
    this.#session = (attached as { sessionId: string }).sessionId;
    await this.#ask("Runtime.enable", {});
    const size = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.#ask("Emulation.setDeviceMetricsOverride", size);
    await this.#ask("Page.navigate", { url });
    const isReady = "document.documentElement.dataset.ready === 'yes'";
    for (let i = 0; i < 200 && !(await this.evaluate<boolean>(isReady)); i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const parameters = { expression, returnByValue: true };
    const { result } = (await this.#ask("Runtime.evaluate", parameters)) as {
      result: { value: T };
    };
    return result.value;
  }

  async click(x: number, y: number): Promise<void> {
    const at = { x, y, button: "left", clickCount: 1 };
    await this.#ask("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
    await this.#ask("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
  }

  async screenshot(format: "png" | "webp" = "png"): Promise<Buffer> {
    const parameters = { format, ...(format === "webp" && { quality: 80 }) };
    const { data } = (await this.#ask("Page.captureScreenshot", parameters)) as { data: string };
    return Buffer.from(data, "base64");
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
    // Its helpers end a little later and may still write.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20 });
  }

  #ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#id;
    const session = this.#session === "" ? {} : { sessionId: this.#session };
    (this.#child.stdio[3] as Writable).write(
      `${JSON.stringify({ id, method, params, ...session })}\0`,
    );
    return new Promise((resolve, reject) =>
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      }),
    );
  }

  #onAnswer(answer: Answer): void {
    if (answer.method === "Runtime.exceptionThrown")
      this.exceptions.push(answer.params?.exceptionDetails?.text ?? "");
    if (answer.id === undefined) return;
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
