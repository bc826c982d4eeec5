// axe-core over a page as it stands.

import assert from "node:assert/strict";
import { installed } from "./browser.mjs";

const AXE = installed("axe-core").source;
const BAD = ["serious", "critical"];

/** Fails with each serious violation that axe-core finds. */
export async function assertAccessible(page) {
  // Through the debugger, past the page's policy.
  await page.evaluate(`${AXE}; undefined`);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.filter(({ impact }) => BAD.includes(impact)).flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.replaceAll(/\s+/g, " ").slice(0, 200)}`));
  assert.deepEqual(found, []);
}
