import { UnstyledButton } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useState } from "react";

import { pagesOf } from "~/app/navigation";
import type { Session } from "~/features/session/session";
import { lazily } from "~/ui/lazily";
import { useNotices } from "~/ui/useNotices";

import classes from "./Jump.module.css";

const JumpBox = lazily(async () => (await import("~/features/search/JumpBox")).JumpBox, { waiting: () => null, missing: BoxMissing });

/** Says so, and lets the key try again. */
function BoxMissing({ onClose }: { onClose: () => void }) {
  const { notify } = useNotices();
  useEffect(() => {
    notify({ state: "bad", text: "The search could not be fetched from the gateway. Try it again in a moment, or load the page again." });
    onClose();
  });
  return null;
}

const APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The button that opens the jump box, and its key, which works wherever the focus is. */
export function Jump({ user }: { user: Session["user"] }) {
  const [opened, setOpened] = useState(false);
  useHotkeys([["mod+K", () => setOpened(true)]], []);
  return (
    <>
      <UnstyledButton
        className={classes["jump"]}
        onClick={() => setOpened(true)}
        // What is typed next should not wait for it.
        onPointerEnter={() => void JumpBox.load()}
        aria-keyshortcuts="Control+K Meta+K"
      >
        <IconSearch size={16} stroke={1.6} aria-hidden />
        <span className={classes["label"]}>Jump to</span>
        <kbd className={classes["key"]} aria-hidden>
          {APPLE ? "⌘K" : "Ctrl K"}
        </kbd>
      </UnstyledButton>
      {opened && <JumpBox pages={pagesOf(user)} onClose={() => setOpened(false)} />}
    </>
  );
}
