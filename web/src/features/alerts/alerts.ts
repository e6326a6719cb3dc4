/** Alerts that are open, and events, as the API gives them. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { allPages } from "~/api/pages";

export type Alert = Schemas["AlertBody"];
export type Event = Schemas["EventBody"];
export type EventType = Event["type"];

const EVERY_MS = 10_000;
const ROWS = 50;

/** The alerts that are open: one's own, or (for admins) all. */
export function useAlerts(whose: "own" | "all") {
  return useQuery({
    queryKey: ["alerts", whose],
    refetchInterval: EVERY_MS,
    queryFn: () =>
      allPages<Alert>((query) => body(whose === "own" ? api.GET("/me/alerts", { params: { query } }) : api.GET("/admin/alerts", { params: { query } }))),
  });
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
