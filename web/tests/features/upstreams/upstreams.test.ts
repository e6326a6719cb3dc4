import { expect, it } from "vitest";

import { type Upstream, withHealth } from "~/features/upstreams/upstreams";

const LIVE = { state: "up", error: null, in_flight: 0, queued: 0 } as const;
const UP: Upstream["health"] = { ...LIVE, breaker: "closed", latency_ms: 12, loaded_models: ["tiny"] };
const upstream = (id: string) => ({ id, model_count: 2, health: UP });

it("has the health that the feed says, and keeps that of upstreams which the feed does not name", () => {
  const down = { ...LIVE, state: "down", error: "It cannot be reached." } as const;
  const [near, far] = withHealth([upstream("near"), upstream("far")], [{ id: "far", kind: "ollama", slots: 2, oldest_wait_s: null, ...down }]);
  expect(near?.health).toEqual(UP);
  expect(far?.health).toEqual({ ...UP, ...down });
  expect(far?.model_count).toBe(2);
});
