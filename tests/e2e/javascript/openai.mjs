// The real openai library: chat completions, responses, embeddings, models.
import assert from "node:assert/strict";

import OpenAI from "openai";

const client = ({ url, key, retries }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: retries ?? 0 });

async function complete(options, body) {
  const chat = client(options).chat.completions;
  const asked = { model: options.model, ...body };
  if (!options.stream) return (await chat.create(asked)).choices[0];
  return (await chat.stream(asked).finalChatCompletion()).choices[0];
}

export async function chat(options) {
  return (await complete(options, { messages: [{ role: "user", content: options.text }] })).message.content;
}

export async function chatUsage(options) {
  const messages = [{ role: "user", content: options.text }];
  const asked = { model: options.model, messages, stream: true, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await client(options).chat.completions.create(asked)) chunks.push(chunk);
  assert.equal(chunks.filter((chunk) => chunk.choices[0]?.finish_reason).length, 1);
  const { usage } = chunks.at(-1);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta.reasoning_content));
}

export async function chatImage(options) {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${options.image}` } };
  const content = [{ type: "text", text: options.text }, image];
  return (await complete(options, { messages: [{ role: "user", content }] })).message.content;
}

export async function chatParsed(options) {
  const format = { type: "json_schema", json_schema: { name: "town", strict: true, schema: options.schema } };
  const messages = [{ role: "user", content: options.text }];
  return JSON.parse((await complete(options, { messages, response_format: format })).message.content);
}

function rebuilt({ content, tool_calls }) {
  const calls = tool_calls?.map(({ id, function: { name, arguments: args } }) => {
    return { id, type: "function", function: { name, arguments: args } };
  });
  return { role: "assistant", content, ...(calls && { tool_calls: calls }) };
}

export async function chatLoop(options) {
  const tools = options.tools.map((tool) => ({ type: "function", function: tool }));
  const messages = [];
  for (const errand of options.errands) {
    messages.push({ role: "user", content: errand.prompt });
    for (const step of errand.steps) {
      const { message, finish_reason } = await complete(options, { messages, tools });
      assert.equal(finish_reason, "tool_calls");
      const calls = message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
      assert.deepEqual(calls, step);
      messages.push(options.keep ? message : rebuilt(message));
      for (const call of message.tool_calls) {
        const { city } = JSON.parse(call.function.arguments);
        messages.push({ role: "tool", tool_call_id: call.id, content: `${call.function.name} of ${city}: 20` });
      }
    }
    const { message } = await complete(options, { messages, tools });
    for (const result of errand.results) assert.ok(message.content.includes(result), message.content);
    messages.push(options.keep ? message : rebuilt(message));
  }
}

// The library's own loop: it calls the functions by itself.
export async function chatRunTools(options) {
  const run = (name) => ({ city }) => `${name} of ${city}: 20`;
  const tools = options.tools.map((tool) => {
    return { type: "function", function: { ...tool, function: run(tool.name), parse: JSON.parse } };
  });
  const messages = [{ role: "user", content: options.errands[1].prompt }];
  const runner = client(options).chat.completions.runTools({
    model: options.model, messages, tools, stream: options.stream,
  });
  const content = await runner.finalContent();
  for (const result of options.errands[1].results) assert.ok(content.includes(result), content);
}

async function respond(options, body) {
  const { responses } = client(options);
  const asked = { model: options.model, ...body };
  return options.stream ? await responses.stream(asked).finalResponse() : await responses.create(asked);
}

export async function responses(options) {
  const response = await respond(options, { input: options.text });
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.equal(total_tokens, input_tokens + output_tokens);
  return response.output_text;
}

export async function responsesLoop(options) {
  const tools = options.tools.map((tool) => ({ type: "function", strict: true, ...tool }));
  const input = [];
  for (const errand of options.errands) {
    input.push({ role: "user", content: errand.prompt });
    for (const step of errand.steps) {
      const { output } = await respond(options, { input, tools, store: false });
      const calls = output.filter((item) => item.type === "function_call");
      assert.deepEqual(calls.map((call) => [call.name, JSON.parse(call.arguments)]), step);
      input.push(...(options.keep ? output : calls.map(({ type, call_id, name, arguments: args }) => {
        return { type, call_id, name, arguments: args };
      })));
      for (const call of calls) {
        const said = `${call.name} of ${JSON.parse(call.arguments).city}: 20`;
        input.push({ type: "function_call_output", call_id: call.call_id, output: said });
      }
    }
    const { output_text } = await respond(options, { input, tools, store: false });
    for (const result of errand.results) assert.ok(output_text.includes(result), output_text);
    input.push({ role: "assistant", content: output_text });
  }
}

export async function embeddings(options) {
  const { embeddings } = client(options);
  const asked = { model: "gemini-embedding-001", input: ["a", "b"], dimensions: 768 };
  const packed = await embeddings.create(asked);
  const plain = await embeddings.create({ ...asked, encoding_format: "float" });
  for (const n of [0, 1]) {
    assert.equal(packed.data[n].embedding.length, 768);
    assert.ok(Math.abs(packed.data[n].embedding[5] - plain.data[n].embedding[5]) < 1e-6);
  }
}

export async function models(options) {
  const ids = [];
  for await (const model of client(options).models.list()) ids.push(model.id);
  assert.ok(ids.includes(options.model));
  return (await client(options).models.retrieve(options.model)).id;
}
