import { Button, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import classes from "./ErrorMessage.module.css";

/** What went wrong, in the place of what should stand there. */
export function ErrorMessage({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div className={classes["error"]} role="alert">
      <IconAlertTriangle size={18} aria-hidden />
      <Text size="sm">{error.message}</Text>
      {onRetry !== undefined && (
        <Button variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
