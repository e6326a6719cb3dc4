import { Button, CopyButton as Copying } from "@mantine/core";

/** Copies a text; `what` says what it is: "key". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  return (
    <Copying value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Button variant="default" size="compact-xs" onClick={copy} aria-label={copied ? "Copied" : `Copy the ${what}`}>
          {copied ? "Copied" : "Copy"}
        </Button>
      )}
    </Copying>
  );
}
