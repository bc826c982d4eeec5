// The reader of event streams, on its own.

import assert from "node:assert/strict";

const STREAM = ": ping\n\nevent: call\ndata: {\"a\":1}\n\ndata: one\r\ndata:two\r\rid: 7\nevent: x\n\nevent: y\rdata\r\n\r\ndata: unfinished\n";
const EVENTS = [{ event: "call", data: "{\"a\":1}" }, { event: "message", data: "one\ntwo" }, { event: "y", data: "" }];

export const checks = {
  "a stream gives the same events however it is cut": async ({ newPage, fake }) => {
    const page = await newPage();
    await page.goto(`${fake.address}/dashboard/`);
    const wrong = await page.evaluate(async ([stream, events]) => {
      const { EventReader } = await import("/dashboard/stream.js");
      for (let from = 0; from <= stream.length; from += 1) {
        for (let to = from; to <= stream.length; to += 1) {
          const reader = new EventReader();
          const pieces = [stream.slice(0, from), stream.slice(from, to), stream.slice(to)];
          const read = pieces.flatMap((piece) => reader.take(piece));
          if (JSON.stringify(read) !== JSON.stringify(events)) return { from, to, read };
        }
      }
      return null;
    }, [STREAM, EVENTS]);
    assert.equal(wrong, null);
  },

  "a line without end is given up": async ({ newPage, fake }) => {
    const page = await newPage();
    await page.goto(`${fake.address}/dashboard/`);
    const name = await page.evaluate(async () => {
      const { EventReader } = await import("/dashboard/stream.js");
      const reader = new EventReader();
      try {
        for (let i = 0; i < 100; i += 1) reader.take("x".repeat(50_000));
      } catch (error) {
        return error.name;
      }
      return null;
    });
    assert.equal(name, "RangeError");
  },
};
