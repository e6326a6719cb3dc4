import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { api, body, type Schemas } from "~/api/client";
import { Status, type StatusLooks } from "~/ui/Status";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { count } from "~/ui/format/numbers";
import { duration } from "~/ui/format/times";

import classes from "./UpstreamForm.module.css";

type Found = Schemas["ProbeBody"];

const LOOKS: StatusLooks<"answers" | "fails"> = {
  answers: { tone: "good", icon: IconCheck },
  fails: { tone: "bad", icon: IconAlertTriangle },
};

interface Props {
  /** The settings as they would be saved; null: they cannot be, as they are. */
  settings: Schemas["ProbeForm"] | null;
  onRefused: (error: unknown) => void;
}

/** Tries settings before they are saved, and says what was found. Other settings than those that were tried have no result yet. */
export function SettingsCheck({ settings, onRefused }: Props) {
  const check = useMutation({
    mutationFn: (form: Schemas["ProbeForm"]) => body(api.POST("/admin/upstreams/probe", { body: form })),
    onError: onRefused,
  });
  const current = JSON.stringify(check.variables) === JSON.stringify(settings);
  const found = current ? check.data : undefined;
  return (
    <div className={classes["check"]}>
      <Button variant="default" disabled={settings === null} loading={check.isPending} onClick={() => settings !== null && check.mutate(settings)}>
        Check
      </Button>
      <span role="status">
        {found === undefined ? (
          <span className="unit">Asks it for its models, and saves nothing.</span>
        ) : (
          <>
            <Status of={found.error === null ? "answers" : "fails"} looks={LOOKS} /> {foundWords(found)}
          </>
        )}
      </span>
    </div>
  );
}

export function foundWords({ models, took_ms: took, error }: Found): string {
  if (error !== null) return sentence(error);
  if (models === 0) return `It answered in ${duration(took)}, and lists no models.`;
  return `It has ${models === 1 ? "1 model" : `${count(models ?? 0)} models`}, listed in ${duration(took)}.`;
}

function sentence(text: string): string {
  const begun = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
