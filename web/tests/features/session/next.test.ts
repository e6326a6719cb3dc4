import { describe, expect, it } from "vitest";

import { destinationOf, safeNext } from "~/features/session/next";
import type { Session } from "~/features/session/session";

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

describe("after signing in one comes", () => {
  const session = (role: "admin" | "user") => ({ user: { role } }) as Session;
  it("to the page that was asked for", () => expect(destinationOf(session("user"), "/calls?model=a")).toBe("/calls?model=a"));
  it("to one's first page, where none was asked for", () => expect(destinationOf(session("admin"), null)).toBe("/admin"));
  it("to one's first page, where that is a page of the other role", () => {
    expect(destinationOf(session("user"), "/admin/users")).toBe("/home");
    expect(destinationOf(session("admin"), "/chat")).toBe("/admin");
  });
});
