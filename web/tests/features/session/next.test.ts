import { describe, expect, it } from "vitest";

import { safeNext } from "~/features/session/next";

describe("where signing in leads", () => {
  it.each(["/home", "/admin/users?q=a&sort=cost", "/calls/req_1"])("to %s, a page of ours", (next) => expect(safeNext(next)).toBe(next));

  it.each([
    null,
    "",
    "home",
    "https://evil.example",
    "//evil.example/x",
    "/\\evil.example",
    "/../admin",
    "/../../evil",
    "javascript:alert(1)",
    "/%2e%2e/logout",
  ])("never to %s", (next) => {
    const safe = safeNext(next);
    const place = safe === null ? null : new URL(`/ui${safe}`, "http://localhost:8000");
    expect(place === null || (place.origin === "http://localhost:8000" && place.pathname.startsWith("/ui/"))).toBe(true);
    // Nor as the router would read it, which takes it for a whole address.
    expect(safe === null || new URL(safe, "http://localhost:8000").origin === "http://localhost:8000").toBe(true);
  });

  it("not out of the pages", () => expect(safeNext("/../admin/users")).toBeNull());
});
