// Calls to the admin API. A session's cookie goes along by itself; what changes something says so in a header.

export class Refused extends Error {
  constructor(status, fault, retryAfter) {
    super(fault.message || `HTTP ${status}`);
    this.status = status;
    this.code = fault.code || "";
    this.field = fault.field || "";
    this.retryAfter = retryAfter;
  }
}

/** Told when a call is refused for want of a session. */
export const onLoggedOut = { tell: () => {} };

export const API = "/api/v1";

export async function call(method, path, body) {
  const form = body instanceof FormData;
  const headers = { "x-pollux-csrf": "1" };
  if (body !== undefined && !form) headers["content-type"] = "application/json";
  const response = await fetch(path, {
    method,
    headers,
    credentials: "same-origin",
    body: body === undefined || form ? body : JSON.stringify(body),
  });
  if (!response.ok) throw await refusal(response, path);
  return response.status === 204 ? null : response.json();
}

async function refusal(response, path) {
  const document = await response.json().catch(() => ({}));
  const fault = document.error || { message: document.detail };
  if (response.status === 401 && path.startsWith(`${API}/`) && path !== `${API}/session`) onLoggedOut.tell();
  return new Refused(response.status, fault, Number(response.headers.get("retry-after")) || 0);
}

export const get = (path) => call("GET", API + path);
export const post = (path, body) => call("POST", API + path, body);
export const put = (path, body) => call("PUT", API + path, body);
export const patch = (path, body) => call("PATCH", API + path, body);
export const remove = (path) => call("DELETE", API + path);

/** Do something for each, four at a time; `progress` hears how many are done. Stops early when `signal` is aborted. */
export async function each(items, work, progress, signal) {
  const waiting = [...items];
  let done = 0;
  const worker = async () => {
    while (waiting.length && !signal?.aborted) {
      await work(waiting.shift());
      progress(++done, items.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, items.length) }, worker));
}
