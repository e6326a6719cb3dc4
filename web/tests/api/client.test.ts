import { describe, expect, it } from "vitest";

import { ApiError, body, errorOf } from "~/api/client";

const response = (status: number, headers: Record<string, string> = {}) => new Response(null, { status, headers });

describe("an error of the API", () => {
  it("has the gateway's words, code and field", () => {
    const content = { error: { message: "Too long.", code: "invalid_value", param: "name" } };
    expect(errorOf(response(422), content)).toMatchObject({ status: 422, message: "Too long.", code: "invalid_value", param: "name" });
  });

  it.each([null, "<html>", { error: "no" }, []])("has words of its own where the content is %j", (content) => {
    expect(errorOf(response(502), content).message).toContain("502");
  });

  it.each([
    [{ "retry-after": "12" }, 12],
    [{ "x-ratelimit-reset-requests": "1h1m30.5s", "x-ratelimit-reset-tokens": "2s" }, 3690.5],
    [{ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, null],
    [{}, null],
  ])("of %j may be tried again after %s s", (headers, seconds) => {
    expect(errorOf(response(429, headers), null).retryAfter).toBe(seconds);
  });
});

describe("a body", () => {
  it("is that of a response of 2xx", async () => expect(await body(Promise.resolve({ data: 7, response: response(200) }))).toBe(7));

  it("is an error where there is no response, but not where the page left itself", async () => {
    await expect(body(Promise.reject(new TypeError("Failed to fetch")))).rejects.toBeInstanceOf(ApiError);
    await expect(body(Promise.reject(new DOMException("", "AbortError")))).rejects.not.toBeInstanceOf(ApiError);
  });
});
