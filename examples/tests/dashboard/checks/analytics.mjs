// Figures: the period, the question, the tables, the file.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { open, until } from "../browser.mjs";
import { TOKEN } from "../fake.mjs";
import { QUESTION, SHOP } from "../fixtures.mjs";

async function at(newPage, fake, hash) {
  const page = await newPage();
  await open(page, fake.address, TOKEN, SHOP, hash);
  return page;
}

export const checks = {
  "totals, charts and tables show the same period": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/analytics?from=2026-10-01&until=2026-10-14");
    await page.waitForSelector(".plot canvas");
    assert.equal(await page.locator(".plot canvas").count(), 3);
    const { totals, days } = fake.analytics("2026-10-01", "2026-10-14");
    const tiles = (await page.locator(".tiles").innerText()).replaceAll(/\s/g, " ");
    assert.ok(tiles.includes(String(totals.calls)) && tiles.includes("besvarade") && tiles.includes("1:19"), tiles);
    await page.getByText("Visa som tabell").first().click();
    const rows = page.getByRole("table", { name: "Samtal per dag" }).getByRole("row");
    assert.equal(await rows.count(), 15);
    assert.match(await rows.nth(14).innerText(), new RegExp(`14 okt\\.?\\s+${days[13].calls}`));
  },

  "something is drawn": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/analytics");
    await page.waitForSelector(".plot canvas");
    const colours = await page.evaluate(async () => {
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      return [...document.querySelectorAll(".plot canvas")].map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 250) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
        return seen.size;
      });
    });
    assert.ok(colours.every((count) => count > 2), `${colours}`);
  },

  "period and question are chosen": async ({ newPage, fake }) => {
    const page = await at(newPage, fake, "#/analytics");
    await page.waitForSelector(".plot canvas");
    await page.getByLabel("Fråga", { exact: true }).selectOption({ label: "Hur var bemötandet från personalen?" });
    await until("the question is asked for", () => fake.find("GET", "/analytics").at(-1).query.questionId === QUESTION(2));
    await page.getByRole("button", { name: "7 dagar" }).click();
    await until("a week is asked for", () => {
      const { from, until: end, questionId } = fake.find("GET", "/analytics").at(-1).query;
      return Date.parse(end) - Date.parse(from) === 6 * 86_400_000 && questionId === QUESTION(2);
    });
    await page.locator("button[aria-pressed=true]", { hasText: "7 dagar" }).waitFor();
    await page.getByLabel("Från och med").fill("2020-01-01");
    await page.getByText("högst 366 dagar").waitFor();
    assert.ok(await page.getByRole("button", { name: "Hämta CSV" }).isDisabled());
  },

  "the file is fetched with the token and kept as it is": async ({ newPage, fake }) => {
    fake.csv = "id,text\r\n1,\"'=HYPERLINK(\"\"x\"\")\"\r\n2,åäö\r\n";
    const page = await at(newPage, fake, "#/analytics?from=2026-10-01&until=2026-10-14");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Hämta CSV" }).click()]);
    assert.equal(download.suggestedFilename(), "samtal-2026-10-01-2026-10-14.csv");
    assert.equal(await readFile(await download.path(), "utf8"), fake.csv);
    assert.deepEqual(fake.find("GET", "/analytics.csv")[0].query, { businessId: SHOP, from: "2026-10-01", until: "2026-10-14" });
    fake.fault("GET /analytics.csv", 500, {});
    await page.getByRole("button", { name: "Hämta CSV" }).click();
    await page.locator(".notice", { hasText: "kunde inte hämtas" }).waitFor();
  },

  "a period without calls says so": async ({ newPage, fake }) => {
    fake.analytics = (from, until) => ({ from, until, totals: { calls: 0 }, days: [], endReasons: [], questions: [] });
    const page = await at(newPage, fake, "#/analytics");
    await page.getByText("Inga samtal i perioden").waitFor();
  },
};
