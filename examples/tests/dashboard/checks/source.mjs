// What must not stand in the files at all.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ASSETS } from "../fake.mjs";

const FORBIDDEN = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|srcdoc|\beval\b|new Function|setTimeout\("|localStorage|style="|\son\w+="|https?:\/\//;

async function files(end) {
  const all = await readdir(ASSETS, { recursive: true });
  return all.filter((file) => file.endsWith(end) && !file.startsWith("vendor"));
}

export const checks = {
  "markup is never made from text, and nothing comes from elsewhere": async () => {
    const found = [];
    for (const file of [...(await files(".js")), ...(await files(".html")), ...(await files(".css"))]) {
      const lines = (await readFile(join(ASSETS, file), "utf8")).split("\n");
      lines.forEach((line, i) => FORBIDDEN.test(line) && found.push(`${file}:${i + 1}: ${line.trim()}`));
    }
    assert.deepEqual(found, []);
    assert.match("element.innerHTML = text", FORBIDDEN);
  },

  "Swedish stands in one file": async () => {
    const found = [];
    for (const file of await files(".js")) {
      if (file === "texts.js") continue;
      const lines = (await readFile(join(ASSETS, file), "utf8")).split("\n");
      lines.forEach((line, i) => /[åäöÅÄÖ]/.test(line) && found.push(`${file}:${i + 1}: ${line.trim()}`));
    }
    assert.deepEqual(found, []);
  },
};
