/** The model that is asked: the conversation's, else the one that was chosen last, else the first there is. */
import { useState } from "react";

import type { Schemas } from "~/api/client";
import type { Talk } from "~/pages/chat/talk";
import { useModels } from "~/parts/modelColor";

export interface Picked {
  models: readonly Schemas["Model"][] | undefined;
  model: Schemas["Model"] | undefined;
  pick: (id: string) => void;
  fault: Error | null;
  again: () => void;
}

export function useChosenModel(userId: string, talk: Talk | undefined): Picked {
  const listed = useModels();
  const key = `tollkeeper.chat.model.${userId}`;
  const [remembered, setRemembered] = useState(() => read(key));
  const models = listed.data?.data;
  const known = (id: string | null | undefined) => models?.find((model) => model.id === id);
  return {
    models,
    model: known(talk?.model) ?? known(remembered) ?? models?.[0],
    pick(id) {
      setRemembered(id);
      write(key, id);
    },
    fault: listed.data === undefined ? listed.error : null,
    again: () => void listed.refetch(),
  };
}

// A browser may forbid storage; then the choice lasts as long as the page.
function read(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}
