import { useUserLive, type UserReading } from "~/features/live/userFeed";
import type { Live } from "~/features/live/source";
import { useRefetchOn } from "~/features/live/useRefetchOn";
import { ALERTS } from "~/features/alerts/alerts";
import { REFUSALS, REFUSALS_MS } from "~/features/refusals/refusals";
import { SUMMARY } from "~/features/usage/usage";

const USAGE_MS = 2_000;

/** A user's live feed, on a page whose charts and lists follow it. */
export function useUserPage(userId: string): Live<UserReading> {
  const live = useUserLive(userId);
  const { held } = live;
  const used = held === null ? "" : JSON.stringify([held.at.slice(0, 10), held.month]);
  useRefetchOn(used, [[SUMMARY], [ALERTS, "own"]], USAGE_MS);
  useRefetchOn(held === null ? "" : String(held.refused), [[REFUSALS]], REFUSALS_MS);
  return live;
}
