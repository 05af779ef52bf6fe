// The real @anthropic-ai/sdk library: messages, countTokens, models.
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

const client = ({ url, key, retries }) => new Anthropic({ baseURL: url, apiKey: key, maxRetries: retries ?? 0 });

async function complete(options, body) {
  const { messages } = client(options);
  const asked = { model: options.model, max_tokens: 1000, ...body };
  return options.stream ? await messages.stream(asked).finalMessage() : await messages.create(asked);
}

const textOf = ({ content }) => content.map((block) => (block.type === "text" ? block.text : "")).join("");

export async function messages(options) {
  const message = await complete(options, { messages: [{ role: "user", content: options.text }] });
  assert.equal(message.stop_reason, "end_turn");
  assert.ok(message.usage.input_tokens > 0 && message.usage.output_tokens > 0);
  return textOf(message);
}

export async function messagesImage(options) {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: options.image } };
  const content = [{ type: "text", text: options.text }, image];
  return textOf(await complete(options, { system: "Be brief.", messages: [{ role: "user", content }] }));
}

export async function messagesLoop(options) {
  const tools = options.tools.map(({ parameters, ...tool }) => ({ ...tool, input_schema: parameters }));
  const thinking = { type: options.keep ? "adaptive" : "disabled" };
  const messages = [];
  for (const errand of options.errands) {
    messages.push({ role: "user", content: errand.prompt });
    for (const step of errand.steps) {
      const message = await complete(options, { messages, tools, thinking });
      const uses = message.content.filter((block) => block.type === "tool_use");
      assert.deepEqual(uses.map(({ name, input }) => [name, input]), step);
      const answers = uses.map(({ id, name, input }) => {
        return { type: "tool_result", tool_use_id: id, content: `${name} of ${input.city}: 20` };
      });
      messages.push({ role: "assistant", content: message.content }, { role: "user", content: answers });
    }
    const message = await complete(options, { messages, tools, thinking });
    for (const result of errand.results) assert.ok(textOf(message).includes(result), textOf(message));
    messages.push({ role: "assistant", content: message.content });
  }
}

export async function countTokens(options) {
  const messages = [{ role: "user", content: options.text }];
  const counted = await client(options).messages.countTokens({ model: options.model, messages });
  assert.ok(counted.input_tokens > 0);
}

export async function models(options) {
  const ids = [];
  for await (const model of client(options).models.list({ limit: 3 })) ids.push(model.id);
  assert.ok(ids.includes(options.model));
  return (await client(options).models.retrieve(options.model)).id;
}
