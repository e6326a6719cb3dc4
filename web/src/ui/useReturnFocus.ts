import { useEffect, useState } from "react";

/** When the component is removed, give the focus back to the element that had it when the component appeared. */
export function useReturnFocus(): void {
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    },
    [opener],
  );
}
