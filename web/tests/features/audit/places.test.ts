// @vitest-environment node
import { expect, it } from "vitest";

import { actorPath, targetPath } from "~/features/audit/places";

const of = (action: string, target: string, detail: Record<string, unknown> = {}) => targetPath({ action, target, detail });

it("leads to what was changed", () => {
  expect(of("user.limits", "ann@x")).toBe("/admin/users/ann%40x");
  expect(of("team.update", "blue")).toBe("/admin/teams/blue");
  expect(of("upstream.update", "rack")).toBe("/admin/upstreams/rack");
  expect(of("model.pin", "llama3.2:1b")).toBe("/admin/models/llama3.2%3A1b");
  expect(of("invoice.void", "INV-2026-0001")).toBe("/admin/billing/invoices/INV-2026-0001");
});

it("leads from a key to its user", () => {
  expect(of("key.revoke", "key_1", { user_id: "ann" })).toBe("/admin/users/ann");
});

it("leads nowhere where there is nothing any more, or nobody", () => {
  expect(of("upstream.delete", "rack")).toBeNull();
  expect(of("user.sign_in_failed", "@unknown")).toBeNull();
  expect(of("prices.put", "*")).toBeNull();
  expect(of("key.revoke", "key_1", { user_id: null })).toBeNull();
});

it("leads to whoever acted, unless they are no user", () => {
  expect(actorPath("ann")).toBe("/admin/users/ann");
  expect(actorPath("@bootstrap")).toBeNull();
});
