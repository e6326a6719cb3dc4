import { Button } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { createPath, NavigationType, useBlocker } from "react-router";

import { mayReload, runningBuild, servedBuild } from "~/ui/build";

import classes from "./Rail.module.css";

const CHECKED_EVERY_MS = 60_000;
const CHECKED_AGAIN_MS = 5_000;

/** Says that the gateway serves another build of the pages than the one that runs here, and has the next page loaded from it. */
export function UpgradeNotice() {
  const upgraded = useUpgraded();
  // Links and rows alike. Going back stays here: the browser has gone there by then.
  const blocker = useBlocker(
    ({ currentLocation, nextLocation, historyAction }) =>
      upgraded && historyAction !== NavigationType.Pop && nextLocation.pathname !== currentLocation.pathname && mayReload(),
  );
  useEffect(() => {
    if (blocker.state === "blocked") window.location.assign(createPath(blocker.location)); // with the base of all pages
  }, [blocker]);
  return (
    <div role="status" className={classes["news"]}>
      {upgraded && (
        <div className={classes["upgrade"]}>
          <span>The gateway was upgraded. The next page that you open is of the new version.</span>
          <Button variant="default" size="compact-xs" leftSection={<IconRefresh size={13} aria-hidden />} onClick={() => window.location.reload()}>
            Load now
          </Button>
        </div>
      )}
    </div>
  );
}

/** Whether the gateway serves another build: asked every minute while the window can be seen, and when somebody comes back to it. */
function useUpgraded(): boolean {
  const [upgraded, setUpgraded] = useState(false);
  useEffect(() => {
    if (upgraded) return;
    let checkedAt = Date.now();
    const check = () => {
      if (document.visibilityState === "hidden" || Date.now() - checkedAt < CHECKED_AGAIN_MS) return;
      checkedAt = Date.now();
      void servedBuild().then((served) => setUpgraded(served !== null && served !== runningBuild()));
    };
    const timer = window.setInterval(check, CHECKED_EVERY_MS);
    for (const event of ["focus", "online"]) window.addEventListener(event, check);
    document.addEventListener("visibilitychange", check);
    return () => {
      window.clearInterval(timer);
      for (const event of ["focus", "online"]) window.removeEventListener(event, check);
      document.removeEventListener("visibilitychange", check);
    };
  }, [upgraded]);
  return upgraded;
}
