import { Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";

import classes from "./Empty.module.css";

/** In the place of a list without entries: what will be there, and the first step towards it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack gap="xs" className={classes["empty"]}>
      <Text fw={600}>{title}</Text>
      {children}
    </Stack>
  );
}
