/** What a place shows before it has something to show: that it loads, that there is nothing, or what went wrong. */
import { Button, Code, CopyButton, Group, Skeleton, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";

import classes from "./states.module.css";

export function PageSkeleton() {
  return (
    <Stack gap="lg" role="status" aria-busy="true" aria-label="Loading">
      <Skeleton height={28} width={180} />
      <Skeleton height={104} />
      <Skeleton height={260} />
    </Stack>
  );
}

/** As high as what is to come, so that nothing jumps. */
export function Loading({ height }: { height: number }) {
  return <Skeleton height={height} role="status" aria-busy="true" aria-label="Loading" />;
}

export function Fault({ fault, again }: { fault: Error; again?: () => void }) {
  return (
    <div className={classes["fault"]} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <Text size="sm">{fault.message}</Text>
      {again !== undefined && (
        <Button variant="default" onClick={again}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Nothing there yet: what it will be, and the first step towards it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack gap="xs" className={classes["empty"]}>
      <Text fw={600}>{title}</Text>
      {children}
    </Stack>
  );
}

/** Something to type into a terminal, with a button that copies it. */
export function Command({ text, label }: { text: string; label: string }) {
  return (
    <div className={classes["command"]}>
      <Code block className={classes["code"]} tabIndex={0} aria-label={label}>
        {text}
      </Code>
      <Group className={classes["copy"]}>
        <Copy text={text} what="command" />
      </Group>
    </div>
  );
}

export function Copy({ text, what }: { text: string; what: string }) {
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Button variant="default" size="compact-xs" onClick={copy} aria-label={copied ? "Copied" : `Copy the ${what}`}>
          {copied ? "Copied" : "Copy"}
        </Button>
      )}
    </CopyButton>
  );
}
