/** The model that answers: the conversation's, else the one that was chosen last, else the first in the list. Names that are not in
 * the list can be typed: aliases, and models of one upstream (`model@upstream`). The last of them are kept in this browser. */
import { useEffect, useState } from "react";

import type { Schemas } from "~/api/client";
import type { Conversation } from "~/features/chat/conversation";
import { useOwnModels } from "~/features/models/models";

export interface ChosenModel {
  models: readonly Schemas["Model"][] | undefined;
  /** Typed before, and not in the list. */
  names: readonly string[];
  model: Schemas["Model"] | undefined;
  choose: (id: string) => void;
  /** Why there is no list of models; null where there is one, however old. */
  error: Error | null;
  /** Whether the list is on its way. */
  loading: boolean;
  retry: () => void;
}

const MAX_NAMES = 5;
/** How often it is looked for models while there are none. */
const LOOKED_EVERY_MS = 10_000;

export function useChosenModel(userId: string, conversation: Conversation | undefined): ChosenModel {
  const listed = useOwnModels();
  const { refetch } = listed;
  const none = listed.data === undefined ? listed.isError : listed.data.data.length === 0;
  useEffect(() => {
    if (!none) return;
    const timer = window.setInterval(() => void refetch(), LOOKED_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [none, refetch]);
  const key = `tollkeeper.chat.model.${userId}`;
  const namesKey = `tollkeeper.chat.names.${userId}`;
  const [remembered, setRemembered] = useState(() => read(key));
  const [names, setNames] = useState(() => (read(namesKey) ?? "").split(" ").filter(isName));
  const models = listed.data?.data;
  const listedAs = (id: string | null | undefined) => models?.find((model) => model.id === id);
  const known = (id: string | null | undefined) => listedAs(id) ?? names.filter((name) => models !== undefined && name === id).map(typed)[0];
  return {
    models,
    names: names.filter((name) => listedAs(name) === undefined),
    model: known(conversation?.model) ?? known(remembered) ?? models?.[0],
    choose(id) {
      if (listedAs(id) === undefined) {
        const kept = [id, ...names.filter((name) => name !== id)].slice(0, MAX_NAMES);
        setNames(kept);
        write(namesKey, kept.join(" "));
      }
      setRemembered(id);
      write(key, id);
    },
    error: listed.data === undefined ? listed.error : null,
    loading: listed.isFetching,
    retry: () => void refetch(),
  };
}

/** Whether a model may be asked for by this name. */
export function isName(text: string): boolean {
  return /^\S{1,256}$/.test(text);
}

function typed(id: string): Schemas["Model"] {
  return { id, object: "model", created: 0, owned_by: "", vision: null, pricing: null };
}

// A browser may forbid storage; the choice then lasts as long as the page.
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
    // The choice is not remembered; nothing else is lost.
  }
}
