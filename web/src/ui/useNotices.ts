import { createContext, useContext } from "react";

/** A line that says what was done or what failed, with an undo where there is one. */
export interface Notice {
  state: "good" | "bad";
  text: string;
  undo?: () => void;
}

export type Notify = (notice: Notice) => void;

export const NoticesContext = createContext<{ notify: Notify }>({ notify: () => undefined });

export function useNotices(): { notify: Notify } {
  return useContext(NoticesContext);
}
