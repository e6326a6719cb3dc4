import { Button, Group, Stack, Text } from "@mantine/core";

import { CopyButton } from "~/ui/CopyButton";

import classes from "./SecondFactor.module.css";

/** Recovery codes, the one time that they are shown. */
export function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <Stack>
      <Text size="sm">
        Each of these codes signs you in once, should you lose the app. Keep them where you keep passwords: they are not shown again.
      </Text>
      <ul className={classes["codes"]} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <Group justify="space-between">
        <CopyButton text={codes.join("\n")} what="recovery codes" />
        <Button onClick={onDone}>I have kept them</Button>
      </Group>
    </Stack>
  );
}
