/** The one way to the gateway's API. Paths, bodies and answers are typed by its own document (schema.d.ts). */
import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** What the gateway answered instead of what was asked for; the message says what was wrong and what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    readonly param: string | null = null,
    /** Seconds until the same request may be tried again. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

let csrfToken = "";

/** Every call carries this, as even reading a relayed path by a cookie needs it; it comes with the session. */
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
  // Looked up at each call, so that tests can put theirs in its place.
  fetch: (request) => window.fetch(request),
});
api.use(carriesToken);

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer. Throws ApiError for any other than 2xx, and for none at all. */
export async function body<T>(call: Promise<Answered<T>>): Promise<T> {
  let answer: Answered<T>;
  try {
    answer = await call;
  } catch (fault) {
    if (fault instanceof DOMException && fault.name === "AbortError") throw fault;
    throw new ApiError(0, "The gateway does not answer. Check that it runs and that you are connected to its network.");
  }
  if (!answer.response.ok) throw errorOf(answer.response, answer.error);
  return answer.data as T;
}

export function errorOf(response: Response, content: unknown): ApiError {
  const told = readError(content);
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new ApiError(
    response.status,
    told.message ?? `The gateway answered ${response.status}. Try again; if it stays so, tell its operator.`,
    told.code ?? null,
    told.param ?? null,
    Number.isNaN(after) ? null : after,
  );
}

interface Told {
  message?: string;
  code?: string | null;
  param?: string | null;
}

function readError(content: unknown): Told {
  if (typeof content !== "object" || content === null || !("error" in content)) return {};
  const { error } = content;
  return typeof error === "object" && error !== null ? error : {};
}
