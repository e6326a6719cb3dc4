import { useEffect } from "react";

import { Chat } from "~/features/chat/Chat";
import { useSession } from "~/features/session/session";

/** Conversations with the models that one may use. */
export function Component() {
  const { session } = useSession();
  useEffect(() => {
    document.title = "Chat · Tollkeeper";
  }, []);
  return session ? <Chat key={session.user.user_id} userId={session.user.user_id} /> : null;
}
