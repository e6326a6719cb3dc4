import { TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import type { Draft, Faults } from "~/features/limits/draft";
import { LimitField } from "~/features/limits/LimitField";
import { ModelLimitFields } from "~/features/limits/ModelLimitFields";
import { COUNTED, type FigureName } from "~/features/limits/names";
import { readingOf, type Usage } from "~/features/limits/readings";

import classes from "./LimitFields.module.css";

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  faults: Faults;
  /** What is used of the limits that are set. */
  usage?: Usage;
  /** The field that has the focus at first. */
  first?: FigureName;
}

/** A field for every limit there is. */
export function LimitFields({ draft, onDraft, faults, usage, first }: Props) {
  const figure = (name: FigureName, text: string) => onDraft({ ...draft, figures: { ...draft.figures, [name]: text } });
  const field = (name: FigureName, label: string) => (
    <LimitField
      key={name}
      name={name}
      label={label}
      text={draft.figures[name] ?? ""}
      onText={(text) => figure(name, text)}
      fault={faults[name]}
      reading={readingOf(usage, name)}
      focus={name === first}
    />
  );
  return (
    <div className={classes["groups"]}>
      {COUNTED.map(({ title, fields }) => (
        <FieldGroup key={title} title={title === "Cost" ? "Cost, in US dollars" : title}>
          {fields.map(([name, span]) => field(name, span))}
        </FieldGroup>
      ))}
      <FieldGroup title="At one time">
        {field("max_concurrent_requests", "requests at once")}
        {field("max_tokens_per_request", "tokens in one request")}
      </FieldGroup>
      <FieldGroup title="When all slots are taken">{field("queue_weight", "weight in the line, 1 to 100")}</FieldGroup>
      <FieldGroup title="Alerts">
        <TextInput
          label="at % of budgets"
          aria-label="Alerts, in percent of budgets"
          size="xs"
          autoComplete="off"
          placeholder="as usual"
          value={draft.alerts}
          onChange={(event) => onDraft({ ...draft, alerts: event.currentTarget.value })}
          error={faults["alerts"]}
        />
      </FieldGroup>
      <ModelLimitFields draft={draft} onDraft={onDraft} faults={faults} />
    </div>
  );
}

function FieldGroup({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className={classes["group"]}>
      <legend className={classes["legend"]}>{title}</legend>
      <div className={classes["fields"]}>{children}</div>
    </fieldset>
  );
}
