// What the call cost, by part.

import * as format from "../../format.js";
import { share, table } from "../../parts.js";
import { texts } from "../../texts.js";

const t = texts.call;
const PARTS = ["carrier", "transcription", "speech", "model"];

export function costs(cost) {
  const total = cost.total ?? 0;
  const rows = [...PARTS, "total"].map((part) => ({ part, amount: cost[part] ?? 0 }));
  return table({
    caption: t.costCaption,
    rows,
    columns: [
      { name: t.costPart, head: true, cell: ({ part }) => t.costParts[part] },
      { name: t.costAmount, number: true, cell: ({ amount }) => format.fineMoney(amount) },
      { name: t.costShare, cell: ({ part, amount }) => (part === "total" ? "" : share(total > 0 ? amount / total : 0)) },
    ],
  });
}
