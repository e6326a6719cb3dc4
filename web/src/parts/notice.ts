import { createContext, useContext } from "react";

/** A short line that says what was done, with a way back where there is one. */
export interface Notice {
  state: "good" | "bad";
  text: string;
  undo?: () => void;
}

export const NoticesContext = createContext<{ tell: (notice: Notice) => void }>({ tell: () => undefined });

export function useNotices(): { tell: (notice: Notice) => void } {
  return useContext(NoticesContext);
}
