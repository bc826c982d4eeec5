// Questions: changed, created, switched, tried out.

import assert from "node:assert/strict";
import { open, until } from "../browser.mjs";
import { TOKEN } from "../fake.mjs";
import { QUESTION, SHOP } from "../fixtures.mjs";

async function at(newPage, fake, hash) {
  const page = await newPage();
  await open(page, fake.address, TOKEN, SHOP, hash);
  return page;
}

export const checks = {
  "what the server refuses is shown at its field, and saved once it is put right": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/questions");
    await page.getByRole("link", { name: "Ändra: Hur var bemötandet" }).click();
    const frequency = page.getByLabel("Ställs till var N:te kund");
    await frequency.fill("101");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("heltal från 1 till 100").waitFor();
    assert.equal(await frequency.getAttribute("aria-invalid"), "true");
    assert.equal(fake.find("PUT", "/").length, 0);
    await frequency.fill("9");
    fake.fault("PUT", 400, { code: "invalid", message: "followUpPrompts[1]: too long", details: { field: "followUpPrompts[1]" } });
    await page.getByRole("button", { name: "Spara" }).click();
    const prompts = page.getByLabel("Följdfrågor");
    await page.getByText("followUpPrompts[1]: too long").waitFor();
    assert.ok(await prompts.evaluate((field) => field === document.activeElement));
    assert.equal(await frequency.getAttribute("aria-invalid"), null);
    await prompts.fill("Varför det?\n\n  Berätta mer.  ");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.locator(".notice", { hasText: "Frågan är sparad" }).waitFor();
    const { path, body } = fake.find("PUT", "/").at(-1);
    assert.equal(path, `/questions/configurations/${QUESTION(2)}`);
    assert.deepEqual(body, {
      businessId: SHOP, questionText: "Hur var bemötandet från personalen?", frequency: 9, priority: "medium", departmentTags: ["personal"],
      isActive: true, maxResponseTime: 30, followUpPrompts: ["Varför det?", "Berätta mer."],
    });
    await page.getByText("Var 9:e kund").waitFor();
  },

  "a question is created with its dates in universal time": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/questions");
    await page.getByRole("link", { name: "Ny fråga" }).click();
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("10 till 500 tecken lång").waitFor();
    await page.getByLabel("Fråga", { exact: true }).fill("Hur hittade du till oss?");
    await page.getByText("24 av 500 tecken").waitFor();
    await page.getByLabel("Avdelningar").fill("  butik, ,webb ");
    await page.getByLabel("Gäller från").fill("2026-12-01T08:00");
    await page.getByLabel("Gäller till").fill("2026-11-01T08:00");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("inte ligga före starttiden").waitFor();
    await page.getByLabel("Gäller till").fill("2027-06-01T08:00");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("Hur hittade du till oss?", { exact: true }).waitFor();
    const { body } = fake.find("POST", "/questions/configurations")[0];
    assert.deepEqual(body.departmentTags, ["butik", "webb"]);
    assert.deepEqual([body.activeFrom, body.activeUntil], ["2026-12-01T07:00:00.000Z", "2027-06-01T06:00:00.000Z"]);
  },

  "a length is counted in characters, not in halves of them": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/questions/new");
    await page.getByLabel("Fråga", { exact: true }).fill("😀😀😀😀😀😀");
    await page.getByText("6 av 500 tecken").waitFor();
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("10 till 500 tecken lång").waitFor();
  },

  "questions are switched off and on": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/questions");
    const toggle = page.getByRole("switch", { name: "Hur nöjd är du" });
    assert.equal(await toggle.getAttribute("aria-checked"), "true");
    await toggle.click();
    await until("it is off", () => fake.find("DELETE", `/questions/configurations/${QUESTION(1)}`).length === 1);
    await page.locator("[aria-live] >> text=Frågan är av.").waitFor({ state: "attached" });
    await toggle.click();
    await until("it is on", () => fake.find("PUT", "/").at(-1)?.body.isActive === true);
    await until("it can be pressed again", () => toggle.isEnabled());
    fake.fault("DELETE", 500, { code: "internal", message: "something of ours broke" });
    await toggle.click();
    await page.locator(".notice", { hasText: "kunde inte ändras" }).waitFor();
    assert.equal(await toggle.getAttribute("aria-checked"), "true");
  },

  "a selection is tried out, and every question says why": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/questions");
    await page.getByRole("link", { name: "Prova urval" }).click();
    await page.getByLabel("Kundens nummer").fill("0");
    await page.getByLabel("Tid, sekunder").fill("59");
    await page.getByRole("button", { name: "Visa urvalet" }).click();
    await page.getByText("minst 1").waitFor();
    await page.getByText("60 till 120").waitFor();
    await page.getByLabel("Kundens nummer").fill("14");
    await page.getByLabel("Tid, sekunder").fill("75");
    await page.getByLabel("Avdelningar, med komma").fill("personal, besök");
    await page.getByRole("button", { name: "Visa urvalet" }).click();
    await page.getByRole("heading", { name: "Ställs (2)" }).waitFor();
    const text = await page.locator("main").innerText();
    for (const expected of ["de som rangordnas högre fyllde tiden", "Väntar till nästa kund", "var 3:e kund, och det här är kund nummer 14", "Frågan är avstängd", "Väntar sedan tidigare kund"]) {
      assert.ok(text.includes(expected), `${expected} is missing`);
    }
    assert.deepEqual(fake.find("GET", "/questions/select")[0].query, { businessId: SHOP, customerCount: "14", timeBudgetSeconds: "75", tags: "personal,besök" });
    assert.equal(fake.find("POST", "/").length, 0);
  },
};
