/** The client of the gateway's API. Paths and bodies are typed by its OpenAPI document (schema.d.ts). */
import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** An error response. The message says what was wrong and what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
    /** Seconds until the same request may be sent again. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

let csrfToken = "";

/** Set the token that every call carries. It comes with the session; even reads need it where they are signed in by a cookie. */
export function setCsrfToken(token: string): void {
  csrfToken = token;
}

export function csrfHeaders(): Record<string, string> {
  return { "x-csrf-token": csrfToken };
}

const carriesToken: Middleware = {
  onRequest({ request }) {
    if (csrfToken !== "") request.headers.set("x-csrf-token", csrfToken);
    return request;
  },
};

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  // Looked up at each call, so that tests can replace it.
  fetch: (request) => window.fetch(request),
});
api.use(carriesToken);

/** What to say when there is no response. */
export const UNREACHABLE = "The gateway does not answer. Check that it runs and that you are connected to its network.";

interface Result<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a response. Throws ApiError unless the status is 2xx, and when there is no response at all. */
export async function body<T>(call: Promise<Result<T>>): Promise<T> {
  let answer: Result<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, UNREACHABLE);
  }
  if (!answer.response.ok) throw errorOf(answer.response, answer.error);
  return answer.data as T;
}

/** The error of a response that is not 2xx. */
export function errorOf(response: Response, content: unknown): ApiError {
  const { message, code, param } = readError(content);
  return new ApiError(
    response.status,
    message ?? `The gateway answered ${response.status}. Try again; if it stays so, tell its operator.`,
    code ?? null,
    param ?? null,
    waitOf(response.headers),
  );
}

const RESETS = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"];

/** Seconds until the same request may be sent again: `retry-after` or, for a wait of over an hour, which has none, the reset of the limit. */
function waitOf(headers: Headers): number | null {
  const after = headers.get("retry-after");
  if (after !== null) return Number.isNaN(Number(after)) ? null : Number(after);
  const resets = RESETS.map((name) => headers.get(name)).filter((span) => span !== null);
  return resets.length === 0 ? null : Math.max(...resets.map(secondsOf));
}

/** "1h1m30.5s" in seconds. */
function secondsOf(span: string): number {
  const [, hours = "0", minutes = "0", seconds = "0"] = /^(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(span) ?? [];
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

interface ErrorContent {
  message?: string;
  code?: string | null;
  param?: string | null;
}

function readError(content: unknown): ErrorContent {
  if (typeof content !== "object" || content === null || !("error" in content)) return {};
  const { error } = content;
  return typeof error === "object" && error !== null ? error : {};
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
