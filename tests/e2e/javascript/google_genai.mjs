// The real @google/genai library: generateContent, chats, countTokens, embeddings, models.
import assert from "node:assert/strict";

import { FunctionCallingConfigMode, GoogleGenAI } from "@google/genai";

const client = ({ url, key }) => new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });

async function partsOf(options, body) {
  const { models } = client(options);
  const asked = { model: options.model, ...body };
  const chunks = [];
  if (options.stream) for await (const chunk of await models.generateContentStream(asked)) chunks.push(chunk);
  else chunks.push(await models.generateContent(asked));
  assert.deepEqual(chunks.map((chunk) => chunk.candidates[0].finishReason).filter(Boolean), ["STOP"]);
  assert.ok(chunks.at(-1).usageMetadata.totalTokenCount > 0);
  return chunks.flatMap((chunk) => chunk.candidates[0].content?.parts ?? []);
}

const textOf = (parts) => parts.filter((part) => !part.thought).map((part) => part.text ?? "").join("");

export async function generate(options) {
  return textOf(await partsOf(options, { contents: options.text }));
}

export async function generateThoughts(options) {
  const config = { thinkingConfig: { includeThoughts: true } };
  const parts = await partsOf(options, { contents: options.text, config });
  assert.ok(parts.some((part) => part.thought && part.text));
  return textOf(parts);
}

export async function generateImage(options) {
  const image = { inlineData: { mimeType: "image/png", data: options.image } };
  return textOf(await partsOf(options, { contents: [options.text, image], config: { systemInstruction: "Be brief." } }));
}

export async function generateParsed(options) {
  const config = { responseMimeType: "application/json", responseJsonSchema: options.schema };
  return JSON.parse(textOf(await partsOf(options, { contents: options.text, config })));
}

function configOf({ tools }) {
  const declared = tools.map(({ parameters, ...tool }) => ({ ...tool, parametersJsonSchema: parameters }));
  const toolConfig = { functionCallingConfig: { mode: FunctionCallingConfigMode.AUTO } };
  return { tools: [{ functionDeclarations: declared }], toolConfig };
}

function answersTo(calls) {
  return calls.map(({ id, name, args }) => {
    return { functionResponse: { id, name, response: { result: `${name} of ${args.city}: 20` } } };
  });
}

export async function generateLoop(options) {
  const config = configOf(options);
  const contents = [];
  for (const errand of options.errands) {
    contents.push({ role: "user", parts: [{ text: errand.prompt }] });
    for (const step of errand.steps) {
      const parts = await partsOf(options, { contents, config });
      const calls = parts.flatMap((part) => part.functionCall ?? []);
      assert.deepEqual(calls.map(({ name, args }) => [name, args]), step);
      const again = options.keep ? parts : calls.map((functionCall) => ({ functionCall }));
      contents.push({ role: "model", parts: again }, { role: "user", parts: answersTo(calls) });
    }
    const parts = await partsOf(options, { contents, config });
    for (const result of errand.results) assert.ok(textOf(parts).includes(result), textOf(parts));
    contents.push({ role: "model", parts: options.keep ? parts : [{ text: textOf(parts) }] });
  }
}

async function say(chat, message, stream) {
  if (!stream) {
    const answer = await chat.sendMessage({ message });
    return { text: answer.text, calls: answer.functionCalls ?? [] };
  }
  const said = { text: "", calls: [] };
  for await (const chunk of await chat.sendMessageStream({ message })) {
    said.text += chunk.text ?? "";
    said.calls.push(...(chunk.functionCalls ?? []));
  }
  return said;
}

export async function chatLoop(options) {
  const chat = client(options).chats.create({ model: options.model, config: configOf(options) });
  for (const errand of options.errands) {
    let said = await say(chat, errand.prompt, options.stream);
    for (const step of errand.steps) {
      assert.deepEqual(said.calls.map(({ name, args }) => [name, args]), step);
      said = await say(chat, answersTo(said.calls), options.stream);
    }
    for (const result of errand.results) assert.ok(said.text.includes(result), said.text);
  }
}

export async function countTokens(options) {
  const counted = await client(options).models.countTokens({ model: options.model, contents: options.text });
  assert.ok(counted.totalTokens > 0);
}

export async function embeddings(options) {
  const asked = { model: "gemini-embedding-001", contents: ["a", "b"], config: { outputDimensionality: 768 } };
  const answer = await client(options).models.embedContent(asked);
  assert.deepEqual(answer.embeddings.map((each) => each.values.length), [768, 768]);
}

export async function models(options) {
  const { models } = client(options);
  const names = [];
  for await (const model of await models.list({ config: { pageSize: 3 } })) names.push(model.name);
  assert.ok(names.includes(`models/${options.model}`));
  return (await models.get({ model: options.model })).name.replace("models/", "");
}
