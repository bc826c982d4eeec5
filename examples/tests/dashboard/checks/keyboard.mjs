// Everything without a pointer.

import assert from "node:assert/strict";
import { open } from "../browser.mjs";
import { TOKEN } from "../fake.mjs";
import { CALL, SHOP } from "../fixtures.mjs";
import { PAGES, holdStill, someLive } from "./pages.mjs";

const focused = (page) => page.evaluate(() => (document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent).trim());

async function tabTo(page, text) {
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    if ((await focused(page)).startsWith(text)) return;
  }
  throw new Error(`${text} is not reached by Tab`);
}

export const checks = {
  "from signing in to a saved question with keys alone": async ({ newPage, fake }) => {
    const page = await newPage();
    await page.goto(`${fake.address}/dashboard/`);
    await page.getByLabel("Åtkomstnyckel").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Hoppa till innehållet");
    await page.keyboard.press("Tab");
    await page.keyboard.insertText(TOKEN);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Live" }).waitFor();
    await tabTo(page, "Frågor");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".question");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await tabTo(page, "Frågan är på: Hittade du");
    await page.keyboard.press("Space");
    await page.locator("[aria-live] >> text=Frågan är av.").waitFor({ state: "attached" });
    await tabTo(page, "ÄndraÄndra: Hittade du");
    await page.keyboard.press("Enter");
    await page.getByLabel("Fråga", { exact: true }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.insertText("Hittade du allt du letade efter i dag?");
    await tabTo(page, "Spara");
    await page.keyboard.press("Enter");
    await page.getByText("Hittade du allt du letade efter i dag?", { exact: true }).waitFor();
  },

  "the skip link leads past the menu and leaves the address alone": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/questions");
    await page.waitForSelector(".question");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.match(page.url(), /#\/questions$/);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Prova urval");
  },

  "focus is visible wherever it goes": async ({ newPage, fake }) => {
    someLive(fake);
    const page = await newPage();
    for (const [name, [hash, whole]] of Object.entries(PAGES)) {
      await open(page, fake.address, TOKEN, SHOP, hash);
      await page.waitForSelector(whole);
      await page.evaluate(() => {
        window.reached = 0;
        window.unmarked = [];
        document.addEventListener("focusin", ({ target }) => {
          const { outlineStyle, outlineWidth } = getComputedStyle(target);
          window.reached += 1;
          // A player marks its own parts.
          if (target.tagName !== "AUDIO" && (outlineStyle === "none" || outlineWidth !== "3px")) window.unmarked.push(target.outerHTML.slice(0, 120));
        });
      });
      for (let i = 0; i < 25; i += 1) await page.keyboard.press("Tab");
      assert.deepEqual(await page.evaluate(() => window.unmarked), [], name);
      assert.ok((await page.evaluate(() => window.reached)) > 8, name);
    }
  },

  "a changed filter keeps its place": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("60 samtal").waitFor();
    await page.getByLabel("Status").focus();
    await page.keyboard.press("ArrowDown");
    await page.getByText("Inga samtal passar filtret").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "status");
  },

  "a line of the transcript is played with a key": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    await page.waitForFunction(() => document.querySelector("audio")?.readyState > 0);
    await holdStill(page);
    await tabTo(page, "Spela från 0:12");
    await page.keyboard.press("Enter");
    assert.deepEqual(await page.evaluate(() => window.played), [12]);
  },
};
