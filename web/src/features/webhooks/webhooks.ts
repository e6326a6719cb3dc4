/** Webhooks, and what was sent to them, as the API gives it. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";

export type Webhook = Schemas["WebhookBody"];
export type NewSecret = Schemas["NewSecretBody"];
export type Delivery = Schemas["DeliveryBody"];
export type DeliveryStatus = Delivery["status"];

const WEBHOOKS = ["admin", "webhooks"];
const DELIVERIES = ["admin", "deliveries"];
const EVERY_MS = 5_000;
const ROWS = 30;

export function useWebhooks() {
  return useQuery({
    queryKey: WEBHOOKS,
    queryFn: () => allPages<Webhook>((query) => body(api.GET("/admin/webhooks", { params: { query } }))),
  });
}

/** The last deliveries to a webhook, newest first. */
export function useDeliveries(webhookId: string) {
  return useQuery({
    queryKey: [...DELIVERIES, webhookId],
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/webhooks/{webhook_id}/deliveries", { params: { path: { webhook_id: webhookId }, query: { limit: ROWS } } })),
  });
}

/** What was given up, to webhooks and mailboxes, newest first. */
export function useDead() {
  return useQuery({
    queryKey: [...DELIVERIES, "dead"],
    refetchInterval: EVERY_MS,
    queryFn: () => body(api.GET("/admin/deliveries", { params: { query: { status: "dead", limit: ROWS } } })),
  });
}

function useChange<Form, Done>(change: (form: Form) => Promise<Done>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => Promise.all([queries.invalidateQueries({ queryKey: WEBHOOKS }), queries.invalidateQueries({ queryKey: DELIVERIES })]),
  });
}

const at = (id: string) => ({ path: { webhook_id: id } });

export function useMakeWebhook() {
  return useChange((form: Schemas["WebhookForm"]) => body(api.POST("/admin/webhooks", { body: form })));
}

export function useSetStatus() {
  return useChange(({ id, status }: Pick<Webhook, "id" | "status">) => body(api.PATCH("/admin/webhooks/{webhook_id}", { params: at(id), body: { status } })));
}

export function useRotateSecret() {
  return useChange(({ id, graceSeconds }: { id: string; graceSeconds: number }) =>
    body(api.POST("/admin/webhooks/{webhook_id}/rotate", { params: at(id), body: { grace_seconds: graceSeconds } })),
  );
}

/** `onRemoved` is called before anything is read anew: what is shown of the webhook must be gone by then. */
export function useRemoveWebhook(onRemoved: () => void) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => body(api.DELETE("/admin/webhooks/{webhook_id}", { params: at(id) })),
    onSuccess: () => {
      onRemoved();
      return queries.invalidateQueries({ queryKey: WEBHOOKS });
    },
  });
}

export function useTestWebhook() {
  return useChange((id: string) => body(api.POST("/admin/webhooks/{webhook_id}/test", { params: at(id) })));
}

export function useRetryAll() {
  return useChange((id: string) => body(api.POST("/admin/webhooks/{webhook_id}/retry", { params: at(id) })));
}

export function useRetry() {
  return useChange((id: string) => body(api.POST("/admin/deliveries/{delivery_id}/retry", { params: { path: { delivery_id: id } } })));
}
