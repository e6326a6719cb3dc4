import { useState } from "react";

import type { Which } from "~/features/users/bulk";
import type { UserList, UserRow, UsersQuery } from "~/features/users/users";
import type { Selection } from "~/ui/Selection";

type Filters = Pick<UsersQuery, "q" | "status" | "role">;

/** The users that are selected in the table: some by their ids, on several pages even, or all who match its filter. Another filter
 * selects nobody. */
export function useSelectedUsers(list: UserList | undefined, filters: Filters) {
  const filter = JSON.stringify(filters);
  const [state, setState] = useState<{ filter: string; ids: ReadonlySet<string> | "all" }>({ filter, ids: new Set() });
  const ids = state.filter === filter ? state.ids : new Set<string>();
  const setIds = (next: ReadonlySet<string> | "all") => setState({ filter, ids: next });
  const shown = list?.data.map(({ user_id: userId }) => userId) ?? [];
  const chosen = () => new Set(ids === "all" ? shown : ids);
  const selection: Selection<UserRow> = {
    nameOf: ({ user_id: userId }) => userId,
    has: ({ user_id: userId }) => ids === "all" || ids.has(userId),
    toggle: ({ user_id: userId }) => {
      const next = chosen();
      if (!next.delete(userId)) next.add(userId);
      setIds(next);
    },
    toggleShown: (all) => {
      const next = chosen();
      for (const userId of shown) {
        if (all) next.add(userId);
        else next.delete(userId);
      }
      setIds(next);
    },
  };
  const which: Which = ids === "all" ? { filter: filters } : { user_ids: [...ids] };
  const size = ids === "all" ? (list?.total ?? 0) : ids.size;
  return { which, size, selection, selectAll: () => setIds("all"), selectNone: () => setIds(new Set()) };
}
