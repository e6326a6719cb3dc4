/** Alerts that are open, and events, as the API gives them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";

export type Alert = Schemas["AlertBody"];
export type Event = Schemas["EventBody"];
export type EventType = Event["type"];

/** The first part of the keys of queries of alerts. */
export const ALERTS = "alerts";
const EVERY_MS = 10_000;
const ROWS = 50;

/** The alerts that are open, one for each budget: one's own, or (for admins) all. */
export function useAlerts(whose: "own" | "all") {
  return useQuery({
    queryKey: [ALERTS, whose],
    select: highest,
    // One's own are read again when the live feed says that something was used.
    refetchInterval: whose === "own" ? false : EVERY_MS,
    queryFn: () =>
      allPages<Alert>((query) => body(whose === "own" ? api.GET("/me/alerts", { params: { query } }) : api.GET("/admin/alerts", { params: { query } }))),
  });
}

/** Of each budget the highest percentage that is reached, in the order in which the alerts came. */
export function highest(alerts: readonly Alert[]): Alert[] {
  const budgetOf = ({ kind, id, limit, model }: Alert) => JSON.stringify([kind, id, limit, model]);
  const found = new Map<string, Alert>();
  for (const alert of alerts) {
    const known = found.get(budgetOf(alert));
    if (known === undefined || (alert.percent ?? 0) > (known.percent ?? 0)) found.set(budgetOf(alert), alert);
  }
  return alerts.filter((alert) => found.get(budgetOf(alert)) === alert);
}

/** A page of events, newest first, beginning after the cursor; "" is the first page, and any type. */
export function useEvents(type: string, after: string) {
  const query = { limit: ROWS, ...(after !== "" && { after }), ...(type !== "" && { type: type as EventType }) };
  return useQuery({
    queryKey: ["admin", "events", query],
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/admin/events", { params: { query } })),
  });
}
