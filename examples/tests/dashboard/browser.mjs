// A browser and pages in it that notice everything that should not happen.

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const PICTURES = join(TARGET, "dashboard");

/** Longer than anything takes on a busy machine. */
const PATIENCE_MS = 20_000;

const FLAGS = ["--process-per-site", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required"];

/** A package that scripts/node-env has installed. */
export function installed(name) {
  try {
    return createRequire(join(TARGET, "node", "package.json"))(name);
  } catch {
    throw new Error(`${name} is not in ${join(TARGET, "node")}: run scripts/node-env`);
  }
}

export class Browser {
  static async start() {
    if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: run scripts/node-env, or install chromium and name it in CHROMIUM`);
    mkdirSync(PICTURES, { recursive: true });
    const browser = new Browser();
    browser.chromium = await installed("playwright-core").chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    return browser;
  }

  stop() {
    return this.chromium.close();
  }

  #contexts = new Map();

  /**
   * A page of `owner`'s, with `page.troubles`: console errors, uncaught ones, breaches of the policy. A session is a
   * tab's, so pages need no more than a tab for themselves.
   */
  async page(owner, { width = 1280, height = 900, dark = false, ...more } = {}) {
    const options = {
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale: "sv-SE", timezoneId: "Europe/Stockholm", reducedMotion: "reduce", ...more,
    };
    const key = `${owner} ${JSON.stringify(options)}`;
    if (!this.#contexts.has(key)) this.#contexts.set(key, await this.chromium.newContext(options));
    const page = await this.#contexts.get(key).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.troubles = [];
    page.on("console", (message) => {
      // The browser itself reports answers that are no success; those are looked at where they are caused.
      if (message.type() === "error" && !/^Failed to load resource/.test(message.text())) page.troubles.push(message.text());
    });
    page.on("pageerror", (error) => page.troubles.push(String(error.stack ?? error)));
    await page.addInitScript(() => {
      window.breaches = [];
      document.addEventListener("securitypolicyviolation", (event) => window.breaches.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    return page;
  }

  /** What went wrong on a page, after which it is closed. */
  static async close(page) {
    const breaches = await page.evaluate(() => window.breaches ?? []).catch(() => []);
    await page.context().setOffline(false);
    await page.close();
    return [...page.troubles, ...breaches];
  }
}

/** Opens the dashboard at `hash` with a session that has already begun. */
export async function open(page, address, token, business, hash) {
  // A page of the same origin that runs nothing.
  await page.goto(`${address}/dashboard/icon.svg`);
  await page.evaluate(([token, business]) => {
    sessionStorage.setItem("token", token);
    sessionStorage.setItem("business", business);
  }, [token, business]);
  await page.goto(`${address}/dashboard/${hash}`);
}

/** Waits until `condition` holds. */
export async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`it did not come to this: ${what}`);
    await new Promise((later) => setTimeout(later, 20));
  }
}

/** Fails if the page would have to be scrolled sideways. */
export async function assertFits(page, where) {
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(beyond <= 0, `${where} is ${beyond} px too wide`);
}

/** Fails, naming it, if anything is cut off at the side. */
export async function assertWhole(page, where) {
  const cut = await page.evaluate(() => {
    const beyond = ({ left, right }) => left < -0.5 || right > document.documentElement.clientWidth + 0.5;
    return [...document.querySelectorAll("main *")]
      .filter((element) => !element.closest(".visually-hidden, thead, .scroll") && beyond(element.getBoundingClientRect()))
      .map((element) => element.outerHTML.slice(0, 160));
  });
  assert.deepEqual(cut, [], where);
}
