import { Button, CloseButton } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { type ReactNode, useCallback, useMemo, useRef, useState } from "react";

import { type Notice, NoticesContext } from "~/ui/useNotices";

import classes from "./Notices.module.css";

const SHOWN_MS = 8_000;

/** Shows notices at the foot of the window for a few seconds; screen readers read them out. */
export function Notices({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<(Notice & { id: number })[]>([]);
  const last = useRef(0);
  const dismiss = useCallback((id: number) => setShown((all) => all.filter((notice) => notice.id !== id)), []);
  const notify = useCallback(
    (notice: Notice) => {
      const id = ++last.current;
      setShown((all) => [...all.slice(-2), { ...notice, id }]);
      window.setTimeout(() => dismiss(id), SHOWN_MS);
    },
    [dismiss],
  );
  const context = useMemo(() => ({ notify }), [notify]);
  return (
    <NoticesContext value={context}>
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
                  dismiss(notice.id);
                }}
              >
                Undo
              </Button>
            )}
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => dismiss(notice.id)} />
          </div>
        ))}
      </div>
    </NoticesContext>
  );
}
