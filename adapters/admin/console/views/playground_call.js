// A call as each dialect writes it, as fetch and as curl, and its answer, read as it comes.

const BODIES = {
  openai: ({ model, prompt, stream }) => ({
    path: "/v1/chat/completions",
    headers: (key) => ({ authorization: `Bearer ${key}` }),
    body: { model, messages: [{ role: "user", content: prompt }], ...(stream && { stream, stream_options: { include_usage: true } }) },
  }),
  gemini: ({ model, prompt, stream }) => ({
    path: `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    headers: (key) => ({ "x-goog-api-key": key }),
    body: { contents: [{ role: "user", parts: [{ text: prompt }] }] },
  }),
  anthropic: ({ model, prompt, stream }) => ({
    path: "/v1/messages",
    headers: (key) => ({ "x-api-key": key, "anthropic-version": "2023-06-01" }),
    body: { model, max_tokens: 4096, messages: [{ role: "user", content: prompt }], ...(stream && { stream }) },
  }),
};

export function asked(form) {
  const { path, headers, body } = BODIES[form.dialect](form);
  return { path, headers: { "content-type": "application/json", ...headers(form.key) }, body: JSON.stringify(body) };
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl(form) {
  const { path, headers, body } = asked({ ...form, key: form.key || "YOUR-KEY" });
  const lines = [`curl ${form.stream ? "-N " : ""}${quoted(location.origin + path)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  return [...lines, `-d ${quoted(body)}`].join(" \\\n  ");
}

/** Make the call; `show` hears how the answer stands, each time it grows. */
export async function listen({ path, headers, body }, { dialect }, show, signal) {
  const began = performance.now();
  const answer = { text: "", thoughts: "", running: true };
  const tell = (more) => show({ ...Object.assign(answer, more) });
  try {
    const response = await fetch(path, { method: "POST", headers, body, signal, credentials: "omit" });
    tell({ status: response.status });
    for await (const document of documents(response)) {
      answer.first ??= performance.now() - began;
      READERS[dialect](document, answer);
      const error = document.error || (Array.isArray(document) && document[0]?.error);
      if (error) answer.error = error.message || JSON.stringify(error);
      tell({});
    }
  } catch (error) {
    tell({ error: error.message });
  }
  tell({ running: false, total: performance.now() - began });
}

async function* documents(response) {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    yield await response.json();
    return;
  }
  let rest = "";
  const text = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + text.decode(value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice(5).trim() : "";
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

const READERS = {
  openai({ choices, usage }, answer) {
    const said = choices?.[0]?.delta || choices?.[0]?.message || {};
    answer.text += said.content || "";
    answer.thoughts += said.reasoning_content || "";
    if (usage) answer.tokens = { input: usage.prompt_tokens, output: usage.completion_tokens };
  },
  gemini({ candidates, usageMetadata: usage }, answer) {
    for (const part of candidates?.[0]?.content?.parts || []) answer[part.thought ? "thoughts" : "text"] += part.text || "";
    if (usage) answer.tokens = { input: usage.promptTokenCount ?? 0, output: (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0) };
  },
  anthropic({ type, delta, content, usage, message }, answer) {
    for (const part of content || (type === "content_block_delta" ? [delta] : [])) {
      answer.text += part.text || "";
      answer.thoughts += part.thinking || "";
    }
    const counted = usage || message?.usage;
    if (counted) answer.tokens = { input: counted.input_tokens ?? answer.tokens?.input ?? 0, output: counted.output_tokens ?? 0 };
  },
};
