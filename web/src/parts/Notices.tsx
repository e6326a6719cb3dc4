import { Button, CloseButton } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { type ReactNode, useCallback, useMemo, useRef, useState } from "react";

import { type Notice, NoticesContext } from "~/parts/notice";

import classes from "./Notices.module.css";

const SHOWN_MS = 8_000;

/** Where notices appear: at the foot of the window, read out by screen readers, gone by themselves. */
export function Notices({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<(Notice & { id: number })[]>([]);
  const last = useRef(0);
  const drop = useCallback((id: number) => setShown((all) => all.filter((notice) => notice.id !== id)), []);
  const tell = useCallback(
    (notice: Notice) => {
      const id = ++last.current;
      setShown((all) => [...all.slice(-2), { ...notice, id }]);
      window.setTimeout(() => drop(id), SHOWN_MS);
    },
    [drop],
  );
  const told = useMemo(() => ({ tell }), [tell]);
  return (
    <NoticesContext value={told}>
      {children}
      <div className={classes["notices"]} role="status" aria-live="polite">
        {shown.map((notice) => (
          <div key={notice.id} className={classes["notice"]} data-state={notice.state}>
            {notice.state === "good" ? <IconCheck size={16} aria-label="Done" /> : <IconAlertTriangle size={16} aria-label="Failed" />}
            <span className={classes["text"]}>{notice.text}</span>
            {notice.undo !== undefined && (
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => {
                  notice.undo?.();
                  drop(notice.id);
                }}
              >
                Undo
              </Button>
            )}
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => drop(notice.id)} />
          </div>
        ))}
      </div>
    </NoticesContext>
  );
}
