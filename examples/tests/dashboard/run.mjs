// Runs the dashboard in a real browser. Without arguments: against a made-up server, every check.
//   node run.mjs [--only TEXT]
//   node run.mjs --server URL --token TOKEN [--verification ID --phone NUMBER]   against a running server, one call

import { parseArgs } from "node:util";
import { Browser, PICTURES } from "./browser.mjs";
import { Fake } from "./fake.mjs";

const CHECKS = ["source", "stream", "pages", "live", "questions", "analytics", "faults", "keyboard", "hostile"];

const { values: options } = parseArgs({ options: {
  only: { type: "string" }, server: { type: "string" }, token: { type: "string" }, verification: { type: "string" }, phone: { type: "string" },
} });

/** A check waits more than it works. */
const AT_ONCE = 4;

const began = performance.now();
const waiting = [];
for (const name of options.server ? ["server"] : CHECKS) {
  const { checks } = await import(`./checks/${name}.mjs`);
  for (const [behaviour, check] of Object.entries(checks)) waiting.push({ title: `${name}: ${behaviour}`, check });
}
const chosen = waiting.filter(({ title }) => !options.only || title.includes(options.only));
const count = chosen.length;
let failed = 0;
const browser = await Browser.start();
await Promise.all(Array.from({ length: options.server ? 1 : AT_ONCE }, (_, worker) => work(worker)));
await browser.stop();
console.log(`${count} checks, ${failed} failed, ${((performance.now() - began) / 1000).toFixed(1)} s`);
// No check at all is no success.
process.exitCode = failed > 0 || count === 0 ? 1 : 0;

/** Does checks until none is left, with a server of its own. */
async function work(worker) {
  const fake = options.server ? null : await Fake.start();
  while (chosen.length > 0) {
    const { title, check } = chosen.shift();
    const started = performance.now();
    const problem = await run(check, fake, worker);
    console.log(`${problem ? "FAILED" : "ok"}  ${title} (${Math.round(performance.now() - started)} ms)`);
    if (!problem) continue;
    failed += 1;
    console.log(String(problem.stack ?? problem).replaceAll(/^/gm, "    "));
  }
  fake?.stop();
}

/** Runs one check with pages of its own; what the pages complain of is a failure too. */
async function run(check, fake, worker) {
  fake?.reset();
  const pages = [];
  const newPage = async (how) => {
    const page = await browser.page(worker, how);
    pages.push(page);
    return page;
  };
  let problem = null;
  try {
    await check({ newPage, fake, options });
  } catch (error) {
    problem = error;
    await pages.at(-1)?.screenshot({ path: `${PICTURES}/failed.png` }).catch(() => {});
  }
  for (const page of pages) {
    const troubles = await Browser.close(page);
    if (troubles.length > 0) problem ??= new Error(`the page complained:\n${troubles.join("\n")}`);
  }
  return problem;
}
