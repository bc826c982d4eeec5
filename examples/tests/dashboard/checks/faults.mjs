// What a page shows when the server refuses, fails, is slow, or cannot be reached.

import assert from "node:assert/strict";
import { open } from "../browser.mjs";
import { TOKEN } from "../fake.mjs";
import { CALL, SHOP } from "../fixtures.mjs";
import { PAGES } from "./pages.mjs";

const LOADED = Object.entries(PAGES).filter(([name]) => !["live", "question-form"].includes(name));

export const checks = {
  "an expired token leads back to signing in, from every page": async ({ newPage, fake }) => {
    const page = await newPage();
    for (const [, [hash]] of [...LOADED, ["live", PAGES.live]]) {
      fake.tokens.clear();
      await open(page, fake.address, TOKEN, SHOP, hash);
      await page.getByText("nyckeln har gått ut").first().waitFor();
      assert.equal(await page.evaluate(() => sessionStorage.getItem("token")), null);
    }
  },

  "a failure is said, with its reference, and can be tried again, on every page": async ({ newPage, fake }) => {
    const page = await newPage();
    for (const [name, [hash, whole]] of LOADED) {
      const path = name === "call" ? "/calls" : name.startsWith("question") ? "/questions/configurations" : name === "preview" ? "/questions/select" : `/${name}`;
      fake.fault(`GET ${path}`, 500, { code: "internal", message: "something of ours broke" });
      await open(page, fake.address, TOKEN, SHOP, hash);
      const alert = page.getByRole("alert").filter({ hasText: "Något gick fel" });
      await alert.waitFor();
      assert.match(await alert.innerText(), /Referens: request-7/);
      await page.getByRole("button", { name: "Försök igen" }).click();
      await page.waitForSelector(whole);
    }
  },

  "too many requests are waited for": async ({ newPage, fake }) => {
    const page = await newPage();
    fake.fault("GET /calls", 429, { code: "too_many" }, { "retry-after": "2" });
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("Försöker igen om 2 s").waitFor();
    await page.getByText("Försöker igen om 1 s").waitFor();
    await page.getByText("60 samtal").waitFor();
    assert.equal(fake.find("GET", "/calls").length, 2);
  },

  "without a network the page says so, and goes on when it is back": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/questions");
    await page.waitForSelector(".question");
    await page.context().setOffline(true);
    await page.getByText("Ingen anslutning till internet").waitFor();
    await page.getByRole("link", { name: "Samtal", exact: true }).click();
    await page.getByText("Servern går inte att nå").waitFor();
    await page.context().setOffline(false);
    await page.getByText("60 samtal").waitFor();
    assert.equal(await page.getByText("Ingen anslutning till internet").count(), 0);
  },

  "what is slow shows that it is coming": async ({ newPage, fake }) => {
    const page = await newPage();
    await page.route("**/api/calls?*", async (route) => {
      await page.waitForSelector(".loading");
      await route.continue();
    });
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("60 samtal").waitFor();
    assert.equal(await page.locator(".loading").count(), 0);
  },

  "empty lists say so": async ({ newPage, fake }) => {
    Object.assign(fake, { sessions: [], questions: [] });
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("Inga samtal passar filtret").waitFor();
    await open(page, fake.address, TOKEN, SHOP, "#/questions");
    await page.getByText("Inga frågor än").waitFor();
    await open(page, fake.address, TOKEN, SHOP, "#/live");
    await page.getByText("Inga samtal just nu").waitFor();
  },

  "another business's call does not exist": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(999)}`);
    await page.getByText("hör till en annan butik").waitFor();
  },

  "a call of which little is kept is shown without what is missing": async ({ newPage, fake }) => {
    fake.page = (call) => ({ call, transcript: [], responses: [], timeline: [], latency: { turns: [] }, cost: { carrier: 0, transcription: 0, speech: 0, model: 0, total: 0 }, consent: { given: null }, attempts: [], anonymised: true });
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    for (const text of ["Samtalet är anonymiserat", "Inget är sparat", "Inga svar.", "Inga händelser", "Inga svarstider", "Inte avgjort", "Ingen uppringning gjord", "Det finns ingen inspelning"]) {
      await page.getByText(text).first().waitFor();
    }
  },

  "a call without a recording is read without one": async ({ newPage, fake }) => {
    const page = await newPage();
    fake.fault(`GET /calls/${CALL(1)}/recording`, 404, { code: "not_found" });
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    await page.getByText("Det finns ingen inspelning").waitFor();
    assert.equal(await page.getByRole("button", { name: "Spela från" }).count(), 0);
  },

  "a recording that cannot be had can be asked for again": async ({ newPage, fake }) => {
    const page = await newPage();
    fake.fault(`GET /calls/${CALL(1)}/recording`, 503, {});
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    await page.getByText("Inspelningen kunde inte hämtas").waitFor();
    await page.getByRole("button", { name: "Försök igen" }).click();
    await page.waitForSelector("audio");
  },
};
