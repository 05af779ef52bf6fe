// Answers questions from the tests: a line of JSON in, {library, name, url, key, ...}; a line out, {ok} or {error}.
import { createInterface } from "node:readline";

import * as anthropic from "./anthropic.mjs";
import * as genai from "./google_genai.mjs";
import * as openai from "./openai.mjs";

const libraries = { anthropic, genai, openai };

async function answer({ library, name, ...options }) {
  try {
    return { ok: (await libraries[library][name](options)) ?? null };
  } catch (error) {
    return { error: { class: error.constructor.name, status: error.status ?? null, said: String(error.stack) } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
