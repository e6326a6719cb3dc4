import { useEffect, useState } from "react";

/** For what is taken away whole when it closes: the focus goes back to where it was when this came. */
export function useFocusBack(): void {
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    },
    [opener],
  );
}
