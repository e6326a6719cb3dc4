import { Button, Group } from "@mantine/core";

import { Problem } from "~/pages/Problem";
import type { Missing } from "~/ui/lazily";

interface Props {
  missing: Missing;
  /** Whether it stands in the frame, or in the place of everything. */
  framed?: boolean;
}

const WORDS: Record<Missing["reason"], { title: string; text: string }> = {
  unreachable: {
    title: "This page could not be fetched",
    text: "The gateway does not answer: it may be restarting, or this device is offline. The page is fetched again by itself.",
  },
  failed: {
    title: "This page could not be fetched",
    text: "The gateway answers, but this part of its pages did not come. It is fetched again by itself; if that does not help, load the page again.",
  },
  upgraded: {
    title: "The gateway was upgraded",
    text: "This window still has the pages from before, and this one is not among them. Load it again to go on.",
  },
};

/** In the place of a page whose code could not be fetched. */
export function PageMissing({ missing: { reason, retrying, retry }, framed = false }: Props) {
  const upgraded = reason === "upgraded";
  return (
    <Problem {...WORDS[reason]} framed={framed}>
      <Group gap="xs">
        {!upgraded && (
          <Button onClick={retry} aria-disabled={retrying}>
            Try again
          </Button>
        )}
        <Button variant={upgraded ? "filled" : "default"} onClick={() => window.location.reload()}>
          Load again
        </Button>
      </Group>
    </Problem>
  );
}
