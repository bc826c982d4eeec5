// What a business would write around the types made from the server's document: it lists its calls.

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const [server, token, businessId] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: `${server}/api`, headers: { authorization: `Bearer ${token}` } });

const { data, error } = await client.GET("/calls", { params: { query: { businessId, limit: 1 } } });
if (error) throw new Error(error.details.field ?? error.message);
const [call]: components["schemas"]["Session"][] = data.calls;
console.log(call.id, call.status satisfies components["schemas"]["SessionStatus"], data.pagination.total);

// @ts-expect-error A limit is a number, say the types.
const wrong = await client.GET("/calls", { params: { query: { businessId, limit: "many" } } });
if (wrong.error?.details.field !== "limit") throw new Error("the refusal is not as the document says");
