/** What one user has used and has left, as the gateway pushes it: one's own, or that of a user whom an admin looks at. */
import { useMemo, useSyncExternalStore } from "react";

import type { Schemas } from "~/api/client";
import { Feed, type Live } from "~/features/live/source";
import { useIsAdmin } from "~/features/session/session";

export type UserReading = Schemas["UserLiveBody"];

export function newUserFeed(userId: string, admin: boolean): Feed<UserReading, never, UserReading> {
  return new Feed<UserReading, never, UserReading>({
    path: admin ? `/admin/users/${encodeURIComponent(userId)}/live` : "/me/live",
    name: `tollkeeper-live ${userId}`,
    begin: (reading) => reading,
    extend: (_, reading) => reading,
    whole: (reading) => reading,
  });
}

export function useUserLive(userId: string): Live<UserReading> {
  const admin = useIsAdmin();
  const feed = useMemo(() => newUserFeed(userId, admin), [userId, admin]);
  return useSyncExternalStore(feed.watch, feed.read);
}
