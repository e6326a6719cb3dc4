import { screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { api } from "~/api/client";
import { DeliveryList } from "~/features/webhooks/DeliveryList";
import { MakeWebhook, RotateSecret } from "~/features/webhooks/WebhookDialogs";
import type { Delivery, Webhook } from "~/features/webhooks/webhooks";

import { answer, refusal, show } from "../../render";

const WEBHOOK: Webhook = {
  id: "wh_1", url: "https://hooks.example/x", events: null, description: null, status: "active", created_at: "2026-11-20T12:00:00Z", former_secret_until: null,
};
const DEAD: Delivery = {
  id: "dlv_1", channel: "webhook", target: "wh_1", event_id: "evt_1", event_type: "upstream.down", event_at: "2026-11-20T12:00:00Z", status: "dead",
  try_count: 14, next_try_at: null, tries: [{ at: "2026-11-20T12:00:01Z", status: 500, error: "it answered 500", took_ms: 12 }],
};
const closed = vi.fn();

beforeEach(() => {
  closed.mockReset();
  vi.restoreAllMocks();
});

it("keeps a new secret in view until its reader has it", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ ...WEBHOOK, secret: "whsec_abc" }));
  const { user } = show(<MakeWebhook onClose={closed} />);
  await user.type(screen.getByLabelText(/Address/), "https://hooks.example/x");
  await user.click(screen.getByLabelText("Upstream down"));
  await user.click(screen.getByRole("button", { name: "Make the webhook" }));
  await screen.findByText("whsec_abc");
  expect(post).toHaveBeenCalledWith("/admin/webhooks", {
    body: { url: "https://hooks.example/x", events: ["upstream.down"], description: null, status: "active" },
  });
  await user.keyboard("{Escape}");
  expect(closed).not.toHaveBeenCalled();
  await user.click(screen.getByRole("button", { name: "I have kept it" }));
  expect(closed).toHaveBeenCalledOnce();
});

it("says what the gateway refuses", async () => {
  vi.spyOn(api, "POST").mockResolvedValue(refusal(422, "The URL of a webhook must begin with https://."));
  const { user } = show(<MakeWebhook onClose={closed} />);
  await user.type(screen.getByLabelText(/Address/), "http://hooks.example/x");
  await user.click(screen.getByRole("button", { name: "Make the webhook" }));
  expect(await screen.findByRole("alert")).toHaveProperty("textContent", "The URL of a webhook must begin with https://.");
});

it("rotates with a grace time", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer({ ...WEBHOOK, secret: "whsec_new" }));
  const { user } = show(<RotateSecret webhook={WEBHOOK} onClose={closed} />);
  await user.selectOptions(screen.getByLabelText("The old secret ends"), "in an hour");
  await user.click(screen.getByRole("button", { name: "Rotate" }));
  await screen.findByText("whsec_new");
  expect(post).toHaveBeenCalledWith("/admin/webhooks/{webhook_id}/rotate", {
    params: { path: { webhook_id: "wh_1" } },
    body: { grace_seconds: 3600 },
  });
});

it("shows the tries of what was given up, and tries it again", async () => {
  const post = vi.spyOn(api, "POST").mockResolvedValue(answer(DEAD));
  const { user } = show(<DeliveryList deliveries={[DEAD]} targetOf={({ target }) => target} />);
  expect(screen.getByText(/it answered 500/)).toBeTruthy();
  expect(screen.getByText("to wh_1")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Try again: Upstream down" }));
  expect(post).toHaveBeenCalledWith("/admin/deliveries/{delivery_id}/retry", { params: { path: { delivery_id: "dlv_1" } } });
});
