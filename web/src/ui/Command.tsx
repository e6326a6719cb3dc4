import { Code, Group } from "@mantine/core";

import { CopyButton } from "~/ui/CopyButton";

import classes from "./Command.module.css";

/** A command for a terminal, with a button that copies it. */
export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes["command"]}>
      <Code block className={classes["code"]} tabIndex={0} aria-label={label}>
        {text}
      </Code>
      <Group className={classes["copy"]}>
        <CopyButton text={text} what="command" />
      </Group>
    </div>
  );
}
